//! What an app asks for against what it was allowed.

use weft_manifest::Capability;

/// Whether the grant of `have` is enough for `wanted`: the same, or the wider form of it.
pub fn covers(have: &Capability, wanted: &Capability) -> bool {
    match (have, wanted) {
        (Capability::Documents { write: true }, Capability::Documents { .. })
        | (Capability::Fetch { host: None }, Capability::Fetch { .. }) => true,
        _ => have == wanted,
    }
}

/// An app's own data and what every app has by default need nobody's approval.
pub fn needs_approval(capability: &Capability) -> bool {
    !matches!(capability, Capability::AppData { .. }) && !Capability::DEFAULT.contains(capability)
}

/// Those of `wanted` that need approval and that nothing in `allowed` covers.
pub fn missing(wanted: &[Capability], allowed: &[Capability]) -> Vec<Capability> {
    let uncovered = |capability: &&Capability| {
        needs_approval(capability) && !allowed.iter().any(|have| covers(have, capability))
    };
    wanted.iter().filter(uncovered).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(texts: &[&str]) -> Vec<Capability> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn check(wanted: &[&str], allowed: &[&str], expected: &[&str]) {
        assert_eq!(missing(&capabilities(wanted), &capabilities(allowed)), capabilities(expected));
    }

    #[test]
    fn the_wider_form_covers_the_narrower_and_never_the_other_way() {
        check(&["fs:read:xdg-documents"], &["fs:rw:xdg-documents"], &[]);
        check(&["fs:rw:xdg-documents"], &["fs:read:xdg-documents"], &["fs:rw:xdg-documents"]);
        check(&["net:fetch:example.org"], &["net:fetch"], &[]);
        check(&["net:fetch"], &["net:fetch:example.org"], &["net:fetch"]);
        check(&["net:fetch:a.example.org"], &["net:fetch:example.org"], &["net:fetch:a.example.org"]);
        check(&["sys:clipboard:read"], &["sys:clipboard:write"], &["sys:clipboard:read"]);
    }

    #[test]
    fn own_data_and_the_defaults_need_no_approval() {
        check(&["fs:rw:app-data", "wasi:clock", "wasi:stdio"], &[], &[]);
        check(&["wasi:env"], &[], &["wasi:env"]);
    }
}
