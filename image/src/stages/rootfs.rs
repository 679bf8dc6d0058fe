//! The root file system as a folder, with a list that says where every file came from.

use super::apps::Apps;
use super::components::Components;
use super::engine::Engine;
use super::state::Template;
use super::sysroot::Sysroot;
use super::{Context, Error as StageError, build_time, copy_file, read_file, write_file};
use super::{trusted_keys, update_root};
use crate::elf;
use crate::key::{self, Key, list_files};
use crate::packages::files::owners;
use crate::packages::{lock, store};
use crate::picture;
use crate::profile::{ENGINE, Profile};
use crate::rootfs_tree::{self, Tree};
use semver::Version;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(transparent)]
    Elf(#[from] elf::Error),
    #[error(transparent)]
    Tree(#[from] rootfs_tree::Error),
    #[error(transparent)]
    TrustedKey(#[from] trusted_keys::Error),
    #[error(transparent)]
    BuildTime(#[from] build_time::Error),
    #[error(transparent)]
    Picture(#[from] picture::Error),
    #[error(
        "the profile names the service {0}, but there is no {0}.toml in rootfs-overlay/usr/lib/weft/services"
    )]
    NoService(String),
    #[error("the profile names {path} of the package {package}, which has no such file")]
    NoPackageFile { package: String, path: String },
    #[error("the profile takes files of the package {0}, which the set `files` of image/packages.toml lacks")]
    NoPackage(String),
    #[error("{0} belongs to no package of the set `system`: remove the sysroot it lies in and build again")]
    NoOwner(PathBuf),
    #[error(
        "the root of trust for updates of the profile {profile}, {path}, does not exist: correct `update_root`"
    )]
    NoUpdateRoot { profile: String, path: PathBuf },
    #[error("the profile names {0}, which rootfs-overlay lacks")]
    NoOverlay(String),
}

/// Folders with service files, relative to the checkout.
const SERVICE_FOLDERS: [&str; 2] = ["rootfs-overlay/usr/lib/weft/services", "ci/services"];
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
/// Where things are mounted, or made at run time.
const MOUNT_POINTS: [&str; 8] = ["boot", "dev", "proc", "run", "state", "sys", "tmp", "var"];
/// The folders that are merged into /usr.
const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// Where the device looks for the release's epoch (`weft-update`).
const EPOCH: &str = "usr/share/weft/update/epoch";

/// What the root image is made of.
pub struct Parts<'a> {
    pub profile: &'a Profile,
    pub system: &'a Sysroot,
    pub components: &'a Components,
    pub engine: Option<&'a Engine>,
    pub apps: &'a Apps,
    pub template: &'a Template,
    pub version: &'a Version,
    /// Below which the device takes no release, whatever became of its records.
    pub epoch: u64,
    /// The root metadata by which the device trusts updates, in place of the profile's.
    pub update_root: Option<&'a Path>,
}

/// The root file system: `root/` and `files.tsv`.
#[derive(Clone, Debug)]
pub struct Rootfs {
    pub folder: PathBuf,
    pub key: String,
}

impl Rootfs {
    /// The folder that is the root itself.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }
}

pub fn build(context: &Context<'_>, parts: &Parts<'_>) -> Result<Rootfs, Error> {
    let checkout = context.workspace.root();
    let files = context.packages("files").map_err(Error::from)?;
    let built = format!("{}\n", build_time::of(checkout)?);
    let mut key = Key::new("rootfs")
        .text("profile", &parts.profile.key_text())
        .text("system", &parts.system.key)
        .text("components", &parts.components.key)
        .text("engine", parts.engine.map_or("", |engine| &engine.key))
        .text("apps", &parts.apps.key)
        .text("state", &parts.template.key)
        .text("files", &lock::set_key(&files))
        .text("build time", &built)
        .text("version", &parts.version.to_string())
        .text("epoch", &parts.epoch.to_string())
        .tree("overlay", &checkout.join("rootfs-overlay"))
        .map_err(StageError::from)?;
    for service in &parts.profile.services {
        key = key.file(service, &service_file(checkout, service)?).map_err(StageError::from)?;
    }
    for trusted in &parts.profile.trusted_keys {
        key = key.file(trusted, &checkout.join(trusted)).map_err(StageError::from)?;
    }
    let update_root = update_root::find(checkout, parts)?;
    if let Some(path) = &update_root {
        key = key.file("update root", path).map_err(StageError::from)?;
    }
    let key = key.finish();
    let folder = context.cheap_output("rootfs", &key, |tools, output| {
        store::fetch(context.cache, tools, &context.sets.suite, &files).map_err(StageError::from)?;
        let mut tree = Tree::new(&output.join("root"))?;
        skeleton(&mut tree, parts.profile)?;
        overlay(&mut tree, checkout, parts.profile)?;
        programs(&mut tree, parts)?;
        libraries(context, tools, &mut tree, parts)?;
        for (package, paths) in &parts.profile.packages {
            let pinned = files.iter().find(|pinned| pinned.name == *package);
            let pinned = pinned.ok_or_else(|| Error::NoPackage(package.clone()))?;
            let unpacked = context.cache.temporary("package").map_err(StageError::from)?;
            store::unpack(context.cache, tools, pinned, &unpacked).map_err(StageError::from)?;
            let origin = format!("{} {}", pinned.name, pinned.version);
            package_files(&mut tree, &unpacked, package, paths, &origin)?;
        }
        if parts.profile.certificates {
            certificates(context, tools, &mut tree, &files)?;
        }
        apps(&mut tree, parts.apps)?;
        trusted_keys::install(&mut tree, checkout, parts.profile)?;
        let os_release = weft_release::boot::os_release(parts.version);
        let os_release = format!("{os_release}VARIANT_ID={}\n", parts.profile.name);
        tree.write("etc/os-release", os_release.as_bytes(), "pipeline: the version")?;
        if let Some(path) = &update_root {
            tree.copy(path, update_root::PLACE, "profile: update_root")?;
        }
        tree.write(EPOCH, format!("{}\n", parts.epoch).as_bytes(), "pipeline: the epoch")?;
        tree.write("usr/lib/weft/build-time", built.as_bytes(), "pipeline: the last commit's day")?;
        tree.copy(&parts.template.compressed, "usr/share/weft/state.ext4.zst", "pipeline: state template")?;
        Ok::<(), Error>(write_file(&output.join("files.tsv"), tree.finish()?)?)
    })?;
    Ok(Rootfs { folder, key })
}

fn skeleton(tree: &mut Tree, profile: &Profile) -> Result<(), Error> {
    for folder in MOUNT_POINTS {
        tree.folder(folder)?;
    }
    for folder in MERGED {
        tree.folder(&format!("usr/{folder}"))?;
        tree.link(folder, &format!("usr/{folder}"), "pipeline: merged /usr")?;
    }
    for (path, target) in &profile.links {
        tree.link(path, target, "profile: links")?;
    }
    Ok(())
}

fn overlay(tree: &mut Tree, checkout: &Path, profile: &Profile) -> Result<(), Error> {
    for wanted in &profile.overlay {
        let from = overlay_path(checkout, wanted);
        if from.is_dir() {
            for file in list_files(&from).map_err(StageError::from)? {
                let to = Path::new(wanted).join(&file);
                overlay_file(tree, profile, &from.join(&file), &to.to_string_lossy())?;
            }
        } else if from.is_file() {
            overlay_file(tree, profile, &from, wanted)?;
        } else {
            return Err(Error::NoOverlay(wanted.clone()));
        }
    }
    if let Some(missing) = profile.pictures.keys().find(|picture| !overlay_path(checkout, picture).is_file())
    {
        return Err(Error::NoOverlay(missing.clone()));
    }
    for service in &profile.services {
        let file = service_file(checkout, service)?;
        tree.copy(&file, &format!("usr/lib/weft/services/{service}.toml"), "service files")?;
    }
    // By this PID 1 knows of a service whose file is gone.
    let expected: String = profile.services.iter().map(|service| format!("{service}\n")).collect();
    tree.write("usr/lib/weft/expected-services", expected.as_bytes(), "profile: services")?;
    Ok(())
}

fn overlay_path(checkout: &Path, path: &str) -> PathBuf {
    checkout.join("rootfs-overlay").join(path)
}

/// A picture that the profile names becomes PNG, all else stays as it is.
fn overlay_file(tree: &mut Tree, profile: &Profile, from: &Path, to: &str) -> Result<(), Error> {
    const ORIGIN: &str = "rootfs-overlay";
    let Some(widths) = profile.pictures.get(to) else { return Ok(tree.copy(from, to, ORIGIN)?) };
    for width in widths {
        let name = format!("{}-{width}.png", to.trim_end_matches(".svg"));
        tree.write(&name, &picture::draw(from, *width)?, ORIGIN)?;
    }
    Ok(())
}

fn service_file(checkout: &Path, service: &str) -> Result<PathBuf, Error> {
    let places = SERVICE_FOLDERS.map(|folder| checkout.join(folder).join(format!("{service}.toml")));
    places.into_iter().find(|path| path.exists()).ok_or_else(|| Error::NoService(service.to_owned()))
}

fn programs(tree: &mut Tree, parts: &Parts<'_>) -> Result<(), Error> {
    for (program, file) in &parts.components.programs {
        tree.program(file, &format!("usr/bin/{program}"), "components")?;
    }
    if let Some(engine) = parts.engine {
        tree.program(&engine.program, &format!("usr/bin/{ENGINE}"), "components")?;
    }
    Ok(())
}

/// The shared objects that the programs need, no others.
fn libraries(
    context: &Context<'_>,
    tools: &crate::tool::Tools<'_>,
    tree: &mut Tree,
    parts: &Parts<'_>,
) -> Result<(), Error> {
    // Whatever a program was compiled against, what ships is the set `system`, which has the security updates.
    let packages = context.packages("system")?;
    store::fetch(context.cache, tools, &context.sets.suite, &packages).map_err(StageError::from)?;
    let origins = owners(context.cache, &packages).map_err(StageError::from)?;
    let root = &parts.system.path;
    let folders = [root.join(LIBRARIES)];
    for (name, provider) in elf::closure(&tree.programs(), &folders)? {
        // A library's name is usually a link to the file with the full version: the image needs the name alone.
        let file =
            provider.canonicalize().map_err(|source| StageError::Read { path: provider.clone(), source })?;
        let inside = file.strip_prefix(root).ok().and_then(|path| origins.get(path));
        let origin = inside.ok_or_else(|| Error::NoOwner(file.clone()))?.clone();
        tree.program(&file, &format!("{LIBRARIES}/{name}"), &origin)?;
        if name.starts_with("ld-linux") {
            tree.link(&format!("usr/lib64/{name}"), &format!("../lib/x86_64-linux-gnu/{name}"), &origin)?;
        }
    }
    Ok(())
}

fn package_files(
    tree: &mut Tree,
    unpacked: &Path,
    package: &str,
    paths: &[String],
    origin: &str,
) -> Result<(), Error> {
    for wanted in paths {
        let from = unpacked.join(wanted);
        if from.is_dir() {
            for file in list_files(&from).map_err(StageError::from)? {
                tree.copy(&from.join(&file), &Path::new(wanted).join(&file).to_string_lossy(), origin)?;
            }
        } else if from.exists() {
            tree.copy(&from, wanted, origin)?;
        } else {
            return Err(Error::NoPackageFile { package: package.to_owned(), path: wanted.clone() });
        }
    }
    Ok(())
}

/// All of Mozilla's authorities in one file, as `update-ca-certificates(8)` joins them.
fn certificates(
    context: &Context<'_>,
    tools: &crate::tool::Tools<'_>,
    tree: &mut Tree,
    files: &[lock::Package],
) -> Result<(), Error> {
    let name = "ca-certificates";
    let package =
        files.iter().find(|package| package.name == name).ok_or_else(|| Error::NoPackage(name.to_owned()))?;
    let unpacked = context.cache.temporary("package").map_err(StageError::from)?;
    store::unpack(context.cache, tools, package, &unpacked).map_err(StageError::from)?;
    let folder = unpacked.join("usr/share/ca-certificates/mozilla");
    let mut bundle = Vec::new();
    for file in list_files(&folder).map_err(StageError::from)? {
        let text = read_file(&folder.join(file))?;
        bundle.extend_from_slice(text.trim_ascii_end());
        bundle.push(b'\n');
    }
    let origin = format!("{} {}", package.name, package.version);
    Ok(tree.write("etc/ssl/certs/ca-certificates.crt", &bundle, &origin)?)
}

fn apps(tree: &mut Tree, apps: &Apps) -> Result<(), Error> {
    for file in list_files(&apps.folder).map_err(StageError::from)? {
        let origin = file.components().nth(1).map(|part| part.as_os_str().to_string_lossy().into_owned());
        let origin = format!("apps: {}", origin.unwrap_or_default());
        tree.copy(
            &apps.folder.join(&file),
            &Path::new("usr/share/weft").join(&file).to_string_lossy(),
            &origin,
        )?;
    }
    Ok(())
}

/// Copies the list of files next to the image.
pub fn export_list(rootfs: &Rootfs, to: &Path) -> Result<(), StageError> {
    copy_file(&rootfs.folder.join("files.tsv"), to)
}

impl From<key::Error> for Error {
    fn from(error: key::Error) -> Self {
        Self::Stage(error.into())
    }
}
