//! App manifests, ids, capabilities, and the stores they are found in.
