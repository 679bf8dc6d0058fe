//! `cargo weft release --version …`: builds the image of that version and publishes it.

use super::super::Error;
use crate::cli::ReleaseArgs;
use crate::packages::lock::Lock;
use crate::pipeline::{self, Built, Request};
use crate::profile::ENGINE;
use crate::release::sbom::{self, BootPackage};
use crate::release::{
    Contents, Keyring, Lifetimes, Repository, Terms, crates, planned_epoch, publish, roots,
};
use crate::stages::verity::SALT;
use crate::workspace::Workspace;
use jiff::Timestamp;
use semver::Version;
use std::path::{Path, PathBuf};

/// Packages whose code is on the boot partition: the boot loader with the stub of kernel images, and the kernel's sources.
const BOOT_PACKAGES: [&str; 2] = ["systemd-boot-efi", "linux-source-6.12"];

pub fn run(arguments: &ReleaseArgs) -> Result<(), Error> {
    let (Some(version), Some(out)) = (&arguments.release, &arguments.out) else {
        return Err("--version and --out are needed".into());
    };
    // Keys and repository first: a build may take long, and who cannot publish need not wait for it.
    let ring = Keyring::read(&arguments.keys)?;
    let repository = Repository::open(out)?;
    let product = weft_release::product(&arguments.profile);
    let epoch = planned_epoch(&repository, &ring, &product, version, arguments.epoch)?;
    let workspace = Workspace::find()?;
    let request = Request {
        version: Some(version.clone()),
        epoch,
        signing: arguments.secure_boot.signing_key(),
        update_root: update_root(&arguments.keys)?,
        ..Request::new(&arguments.profile)
    };
    let built = pipeline::build_with_root(&workspace, &request)?;
    let work = tempfile::tempdir()?;
    let sbom = work.path().join("sbom.cdx.json");
    std::fs::write(&sbom, bill(&workspace, &built, &product, version)?)?;
    let notes = match &arguments.notes {
        Some(path) => path.clone(),
        None => {
            let path = work.path().join("notes.md");
            std::fs::write(&path, "")?;
            path
        }
    };
    let root_hash = hex::decode(&built.verity.root_hash)?;
    let [uki_a, uki_b] = built.ukis;
    let contents = Contents {
        product,
        version: version.clone(),
        state_format: weft_state::format::OWN,
        root_hash: root_hash.as_slice().try_into()?,
        salt: SALT.to_vec(),
        root: built.erofs,
        verity: built.verity.hash_device,
        uki_a,
        uki_b,
        sbom,
        notes,
    };
    let terms = Terms {
        minimum_version: arguments.minimum_version.clone(),
        epoch: Some(epoch),
        waves: arguments.waves.clone(),
        allow_downgrade_from: arguments.allow_downgrade_from.clone(),
    };
    let published = publish(&repository, &ring, &contents, &terms, Lifetimes::default(), Timestamp::now())?;
    let release = &published.release;
    println!("{} {} (epoch {}) is in {}", release.product, release.version, release.epoch, out.display());
    println!("image for new devices: {}", built.info.image.display());
    Ok(())
}

/// The newest root metadata among the keys: what devices of this image trust.
fn update_root(folders: &[PathBuf]) -> Result<Option<PathBuf>, Error> {
    for folder in folders {
        if let Some((_, path)) = roots::newest(folder)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn bill(workspace: &Workspace, built: &Built, product: &str, version: &Version) -> Result<String, Error> {
    let root = workspace.root();
    let mut programs = crates::of_workspace(&root.join("Cargo.toml"))?;
    if built.root.join("usr/bin").join(ENGINE).exists() {
        programs.extend(crates::of_workspace(&root.join("components").join(ENGINE).join("Cargo.toml"))?);
    }
    programs.retain(|program, _| built.root.join("usr/bin").join(program).exists());
    let files = std::fs::read_to_string(&built.info.files)?;
    let boot = boot_packages(&root.join("image/packages.lock"))?;
    let parts = sbom::Parts {
        product,
        version,
        root_hash: &built.verity.root_hash,
        root: &built.root,
        files: &files,
        programs: &programs,
        boot: &boot,
    };
    Ok(serde_json::to_string_pretty(&sbom::bill(&parts)?)?)
}

fn boot_packages(lock: &Path) -> Result<Vec<BootPackage>, Error> {
    let lock = Lock::read(lock)?;
    let found = lock.packages.iter().filter(|package| BOOT_PACKAGES.contains(&package.name.as_str()));
    Ok(found
        .map(|package| BootPackage { name: package.name.clone(), version: package.version.clone() })
        .collect())
}
