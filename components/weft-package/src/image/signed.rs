//! A root hash with its signature, for those who must not read files twice.

use super::files::message;
use crate::hex;
use crate::inventory::Digest;
use crate::key::{PublicKey, SecretKey};

/// The contents of `<id>.app.roothash` and `<id>.app.roothash.sig`, taken once: what was checked is what is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRootHash {
    root_hash: Digest,
    signature: [u8; 64],
}

impl SignedRootHash {
    /// `None` where one of the texts is not exactly what `weft-pack build-image` writes.
    pub fn parse(root_hash: &str, signature: &str) -> Option<Self> {
        Some(Self { root_hash: hex::decode(line(root_hash))?, signature: hex::decode(line(signature))? })
    }

    /// Vouches for a root hash.
    pub fn sign(root_hash: &Digest, key: &SecretKey) -> Self {
        Self { root_hash: *root_hash, signature: key.sign(&message(root_hash)) }
    }

    /// The two texts, as [`parse`](Self::parse) takes them.
    pub fn texts(&self) -> (String, String) {
        (hex::encode(&self.root_hash) + "\n", hex::encode(&self.signature) + "\n")
    }

    /// Which of the keys signed the root hash, and the root hash, which is worth something only then.
    pub fn verified<'a>(&self, keys: &'a [PublicKey]) -> Option<(&'a PublicKey, Digest)> {
        let message = message(&self.root_hash);
        let signer = keys.iter().find(|key| key.verifies(&message, &self.signature))?;
        Some((signer, self.root_hash))
    }
}

fn line(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_hash_comes_out_for_its_signer_only() {
        let (key, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let root_hash = [0xab; 32];
        let (hash, signature) = SignedRootHash::sign(&root_hash, &key).texts();
        let signed = SignedRootHash::parse(&hash, &signature).unwrap();
        let keys = [other.public(), key.public()];
        assert_eq!(signed.verified(&keys), Some((&keys[1], root_hash)));
        assert_eq!(signed.verified(&keys[..1]), None);
        // A signature over the bare hash belongs to something else.
        let bare = hex::encode(&key.sign(&root_hash));
        assert_eq!(SignedRootHash::parse(&hash, &bare).unwrap().verified(&keys), None);
        assert_eq!(SignedRootHash::parse(&hash.to_uppercase(), &signature), None);
        assert_eq!(SignedRootHash::parse(&hash, ""), None);
    }
}
