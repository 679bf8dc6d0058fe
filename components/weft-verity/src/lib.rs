//! dm-verity hash trees and superblocks, bit for bit as veritysetup writes them.
