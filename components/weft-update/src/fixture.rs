//! A maker of repositories for tests, good ones and bad ones, that shares no code with the reader: metadata is made as plain JSON.

use rcgen::{KeyPair, PKCS_ED25519, SigningKey};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use weft_release::{ARCHITECTURE, FORMAT, Parts, Release, Slot};
use weft_verity::{BLOCK_SIZE, Digest, Geometry, Superblock};

pub const SALT: &[u8] = b"one salt for all";
pub const PRODUCT: &str = "weft-test";
pub const FAR: &str = "2199-01-01T00:00:00Z";
pub const PAST: &str = "2020-01-01T00:00:00Z";

/// The hash device over an image, with its parity, and its root hash.
pub fn hash_device(image: &[u8]) -> (Vec<u8>, Digest) {
    let (root, tree) = weft_verity::build(image, SALT).unwrap();
    let data_blocks = (image.len() / BLOCK_SIZE) as u64;
    let superblock = Superblock { uuid: [7; 16], data_blocks, salt: SALT.to_vec() };
    let parity = weft_verity::parity(&Geometry::new(data_blocks), image, &tree).unwrap();
    ([superblock.to_block().unwrap(), tree, parity].concat(), root)
}

/// What stands for a kernel image: the boot loader's view of it, the slot, the root hash, and some length.
pub fn uki(release: &str, slot: Slot, image: &[u8]) -> Vec<u8> {
    let mut text = weft_release::boot::os_release(&release.parse().unwrap()).into_bytes();
    text.extend(format!("slot={slot}\nroot={}\n", crate::stage::sha256(image)).bytes());
    let len = text.len() + 3000;
    text.resize(len, b'#');
    text
}

/// An image whose blocks no image of another seed has.
pub fn image(seed: u8, blocks: usize) -> Vec<u8> {
    let block = |number: usize| {
        let mut block = vec![seed; BLOCK_SIZE];
        block[..8].copy_from_slice(&(number as u64).to_le_bytes());
        block
    };
    (0..blocks).flat_map(block).collect()
}

pub struct Key(KeyPair);

impl Key {
    pub fn new() -> Self {
        Self(KeyPair::generate_for(&PKCS_ED25519).unwrap())
    }

    fn public(&self) -> Value {
        let public = hex(self.0.public_key_raw());
        json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": public } })
    }

    fn id(&self) -> String {
        crate::stage::sha256(&canonical(&self.public()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn canonical(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut bytes, olpc_cjson::CanonicalFormatter::new());
    value.serialize(&mut serializer).unwrap();
    bytes
}

/// `signed` with the signatures of those keys.
pub fn sign(signed: Value, keys: &[&Key]) -> Vec<u8> {
    let bytes = canonical(&signed);
    let signature = |key: &&Key| json!({ "keyid": key.id(), "sig": hex(&key.0.sign(&bytes).unwrap()) });
    let signatures: Vec<Value> = keys.iter().map(signature).collect();
    serde_json::to_vec(&json!({ "signatures": signatures, "signed": signed })).unwrap()
}

/// A repository in a folder. Fields are changed and [`publish`](Self::publish) called again to make the next state of it.
pub struct Maker {
    pub folder: tempfile::TempDir,
    pub root_keys: Vec<Key>,
    pub targets_keys: Vec<Key>,
    pub online_key: Key,
    pub threshold: u64,
    pub root_version: u64,
    /// Of timestamp, snapshot and targets.
    pub version: u64,
    pub expires: &'static str,
    pub targets: Map<String, Value>,
}

impl Maker {
    pub fn new() -> Self {
        let keys = || vec![Key::new(), Key::new()];
        let maker = Self {
            folder: tempfile::tempdir().unwrap(),
            root_keys: keys(),
            targets_keys: keys(),
            online_key: Key::new(),
            threshold: 2,
            root_version: 1,
            version: 1,
            expires: FAR,
            targets: Map::new(),
        };
        std::fs::create_dir_all(maker.path("metadata")).unwrap();
        maker
    }

    pub fn path(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    pub fn write(&self, path: &str, contents: &[u8]) {
        std::fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        std::fs::write(self.path(path), contents).unwrap();
    }

    fn role(keys: &[&Key], threshold: u64) -> Value {
        json!({ "keyids": keys.iter().map(|key| key.id()).collect::<Vec<_>>(), "threshold": threshold })
    }

    /// The root metadata as it is described now.
    pub fn root(&self) -> Vec<u8> {
        let (root, targets): (Vec<&Key>, Vec<&Key>) =
            (self.root_keys.iter().collect(), self.targets_keys.iter().collect());
        let online = [&self.online_key];
        let all = root.iter().chain(&targets).chain(&online).copied();
        let keys: Map<String, Value> = all.map(|key| (key.id(), key.public())).collect();
        let online = Self::role(&online, 1);
        let roles = json!({
            "root": Self::role(&root, self.threshold), "targets": Self::role(&targets, self.threshold),
            "snapshot": online, "timestamp": online,
        });
        let signed = json!({
            "_type": "root", "spec_version": "1.0.0", "consistent_snapshot": true, "version": self.root_version,
            "expires": FAR, "keys": keys, "roles": roles,
        });
        sign(signed, &root)
    }

    pub fn targets_metadata(&self) -> Value {
        json!({ "_type": "targets", "spec_version": "1.0.0", "version": self.version, "expires": self.expires,
            "targets": self.targets })
    }

    /// Writes all metadata.
    pub fn publish(&self) {
        self.write(&format!("metadata/{}.root.json", self.root_version), &self.root());
        let keys: Vec<&Key> = self.targets_keys.iter().collect();
        self.publish_targets(&sign(self.targets_metadata(), &keys));
    }

    /// Writes these targets with snapshot and timestamp over them.
    pub fn publish_targets(&self, targets: &[u8]) {
        let version = self.version;
        self.write(&format!("metadata/{version}.targets.json"), targets);
        let common = |kind: &str, meta: Value| {
            sign(
                json!({ "_type": kind, "spec_version": "1.0.0", "version": version, "expires": self.expires, "meta": meta }),
                &[&self.online_key],
            )
        };
        let meta = |bytes: &[u8]| json!({ "version": version, "length": bytes.len(), "hashes": { "sha256": crate::stage::sha256(bytes) } });
        let snapshot = common("snapshot", json!({ "targets.json": meta(targets) }));
        self.write(&format!("metadata/{version}.snapshot.json"), &snapshot);
        let timestamp = common("timestamp", json!({ "snapshot.json": meta(&snapshot) }));
        self.write("metadata/timestamp.json", &timestamp);
    }

    /// Adds a file.
    pub fn add(&mut self, name: &str, contents: &[u8], custom: Option<Value>) {
        let sha256 = hex(&Sha256::digest(contents));
        self.write(&format!("targets/{sha256}.{name}"), contents);
        let mut target = json!({ "length": contents.len(), "hashes": { "sha256": sha256 } });
        if let Some(custom) = custom {
            target["custom"] = custom;
        }
        self.targets.insert(name.to_owned(), target);
    }

    /// Adds a release; `change` may make it odd before it is signed.
    pub fn release(&mut self, version: &str, image: &[u8], change: impl FnOnce(&mut Release)) -> Release {
        let (tree, root_hash) = hash_device(image);
        let version = version.parse().unwrap();
        let mut release = Release {
            format: FORMAT,
            product: PRODUCT.to_owned(),
            architecture: ARCHITECTURE.to_owned(),
            parts: Parts::of(PRODUCT, &version),
            epoch: 1,
            minimum_version: "0.1.0".parse().unwrap(),
            state_format: 1,
            root_hash,
            salt: SALT.to_vec(),
            block_size: BLOCK_SIZE as u32,
            data_blocks: (image.len() / BLOCK_SIZE) as u64,
            hash_bytes: tree.len() as u64,
            waves: Vec::new(),
            allow_downgrade_from: Vec::new(),
            version,
        };
        change(&mut release);
        release.parts = Parts::of(&release.product, &release.version);
        let (parts, text) = (release.parts.clone(), release.version.to_string());
        let custom = json!({ "weft": release.to_custom().unwrap() });
        self.add(
            &weft_release::target(&release.product, &release.version, weft_release::ROOT),
            image,
            Some(custom),
        );
        self.add(&parts.verity, &tree, None);
        self.add(&parts.uki_a, &uki(&text, Slot::A, image), None);
        self.add(&parts.uki_b, &uki(&text, Slot::B, image), None);
        release
    }

    /// A copy of the repository with a second root that so many of the root keys signed.
    pub fn root_version_two(&self, signers: usize) -> tempfile::TempDir {
        let mut root: Value = serde_json::from_slice(&self.root()).unwrap();
        let mut signed = root["signed"].take();
        signed["version"] = 2.into();
        let keys: Vec<&Key> = self.root_keys.iter().take(signers).collect();
        let copy = crate::hostile::mirror(self);
        std::fs::write(copy.path().join("metadata/2.root.json"), sign(signed, &keys)).unwrap();
        copy
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
