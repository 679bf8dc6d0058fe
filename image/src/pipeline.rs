//! The stages in order, from the host's packages to a bootable disk image.

use crate::cache::{self, Cache};
use crate::image_info::ImageInfo;
use crate::packages::lock::{self, Lock};
use crate::packages::sets::{self, PackageSets};
use crate::profile::{self, Profile};
use crate::progress::Progress;
use crate::stages::boot_program;
use crate::stages::secure_boot::{self, SigningKey};
use crate::stages::{
    self, Context, apps, c_component, components, disk, engine, erofs, host, kernel, mirror, native, rootfs,
    state,
    sysroot::{self, Sysroot},
    trusted_keys, uki,
    verity::{self, Verity},
};
use crate::workspace::Workspace;
use semver::Version;
use std::path::{Path, PathBuf};
use weft_release::Slot;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Apps(#[from] apps::Error),
    #[error(transparent)]
    Cache(#[from] cache::Error),
    #[error(transparent)]
    Disk(#[from] disk::Error),
    #[error(transparent)]
    Host(#[from] host::Error),
    #[error(transparent)]
    Kernel(#[from] kernel::Error),
    #[error(transparent)]
    Lock(#[from] lock::Error),
    #[error(transparent)]
    Profile(#[from] profile::Error),
    #[error(transparent)]
    Rootfs(#[from] rootfs::Error),
    #[error(transparent)]
    SecureBoot(#[from] secure_boot::Error),
    #[error(transparent)]
    BootProgram(#[from] boot_program::Error),
    #[error(transparent)]
    Sets(#[from] sets::Error),
    #[error(transparent)]
    Stage(#[from] stages::Error),
    #[error(transparent)]
    TrustedKey(#[from] trusted_keys::Error),
    #[error(transparent)]
    Uki(#[from] uki::Error),
    #[error(transparent)]
    Verity(#[from] verity::Error),
    #[error("the checkout's own version is no semantic version")]
    Version(#[from] semver::Error),
    #[error("cannot describe the image as JSON")]
    Describe(#[from] serde_json::Error),
    #[error("cannot read the size of {path}")]
    Size { path: PathBuf, source: std::io::Error },
}

/// The version of the system that this checkout builds: that of its crates.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What to build.
#[derive(Clone, Debug)]
pub struct Request {
    pub profile: String,
    /// Make the root image and all after it anew although the cache has them.
    pub rebuild: bool,
    /// The version that the system says it has; `None` for that of this checkout.
    pub version: Option<Version>,
    /// Of the release that the image is made for; 0 for none.
    pub epoch: u64,
    /// Signs boot loader and kernel images for Secure Boot.
    pub signing: Option<SigningKey>,
    /// The root metadata by which the device trusts updates, in place of the profile's.
    pub update_root: Option<PathBuf>,
}

impl Request {
    /// The image of a profile as this checkout has it.
    pub fn new(profile: &str) -> Self {
        let profile = profile.to_owned();
        Self { profile, rebuild: false, version: None, epoch: 0, signing: None, update_root: None }
    }
}

/// A built image, and files in the cache that it was made of.
#[derive(Clone, Debug)]
pub struct Built {
    pub info: ImageInfo,
    /// The root file system as a folder.
    pub root: PathBuf,
    pub erofs: PathBuf,
    pub verity: Verity,
    /// The unified kernel images of slot a and slot b.
    pub ukis: [PathBuf; 2],
    /// The kernel in them.
    pub kernel: PathBuf,
    /// The pinned programs that pack images.
    pub tools: Sysroot,
}

/// Installs what building and running need and the host lacks; says nothing where nothing is missing.
pub fn prepare_host(workspace: &Workspace) -> Result<(), Error> {
    if host::is_complete() {
        return Ok(());
    }
    let progress = Progress::new();
    let cache = Cache::open(workspace.cache(), &progress)?;
    Ok(host::check(&cache.logs(), &progress, false)?)
}

/// Builds the image of a profile, or finds it in the cache, and puts it under `build/images/`.
pub fn build(workspace: &Workspace, request: &Request) -> Result<ImageInfo, Error> {
    Ok(build_with_root(workspace, request)?.info)
}

/// [`build`], for those who also need the files that are in the image.
pub fn build_with_root(workspace: &Workspace, request: &Request) -> Result<Built, Error> {
    let inputs = Inputs::open(workspace, &request.profile)?;
    let context = inputs.context(workspace, request.rebuild);
    let profile = &inputs.profile;
    let version = match &request.version {
        Some(version) => version.clone(),
        None => VERSION.parse()?,
    };

    let system = sysroot::unpack(&context, "system")?;
    let tools = sysroot::unpack(&context, "tools")?;
    let kernel = kernel::build(&context)?;
    let sources = mirror::update(&context)?;
    let components = components::build(&context, &sources, &system, profile)?;
    let engine = if profile.has_engine() { Some(engine::build(&context, &sources)?) } else { None };
    let apps = apps::build(&context, &sources, profile)?;
    let template = state::build(&context)?;
    let parts = rootfs::Parts {
        profile,
        system: &system,
        components: &components,
        engine: engine.as_ref(),
        apps: &apps,
        template: &template,
        version: &version,
        epoch: request.epoch,
        update_root: request.update_root.as_deref(),
    };
    let rootfs = rootfs::build(&context, &parts)?;
    let erofs = erofs::build(&context, &tools, &rootfs)?;
    let verity = verity::build(&context, &erofs)?;
    let signing = request.signing.as_ref();
    let boot_program = boot_program::build(&context, signing)?;
    let boot_loader = secure_boot::boot_loader(&context, &tools, signing)?;
    let uki_of = |slot| uki::build(&context, &tools, &kernel, &verity, &version, slot, signing);
    let (uki, uki_b) = (uki_of(Slot::A)?, uki_of(Slot::B)?);
    let parts = disk::Parts {
        profile,
        version: &version,
        boot_program: &boot_program,
        boot_loader: &boot_loader,
        erofs: &erofs,
        verity: &verity,
        uki: &uki,
        template: &template,
    };
    let disk = disk::build(&context, &parts)?;

    let images = workspace.images();
    let name = match &request.version {
        Some(version) => format!("{}-{version}", profile.name),
        None => profile.name.clone(),
    };
    let info = ImageInfo {
        profile: profile.name.clone(),
        version: version.to_string(),
        image: images.join(format!("{name}.img")),
        files: images.join(format!("{name}.files.tsv")),
        root_bytes: size(&erofs.image)?,
        verity_bytes: size(&verity.hash_device)?,
        kernel_bytes: size(&kernel.image)?,
        uki_bytes: size(&uki.image)?,
        disk_bytes: disk.bytes,
        root_hash: verity.root_hash.clone(),
        command_line: uki.command_line,
        partitions: disk.partitions,
    };
    export(&info, &images.join(format!("{name}.json")), &disk.image, &rootfs)?;
    Ok(Built {
        info,
        root: rootfs.root(),
        erofs: erofs.image,
        verity,
        ukis: [uki.image, uki_b.image],
        kernel: kernel.image,
        tools,
    })
}

/// What a session of an app needs to run on this host.
#[derive(Clone, Debug)]
pub struct Native {
    /// The folder of the programs.
    pub programs: PathBuf,
    /// The folder of the apps, by id, as the device has them.
    pub apps: PathBuf,
}

/// Builds the programs of a session for this host, and the apps of a profile.
pub fn build_native(workspace: &Workspace, profile: &str) -> Result<Native, Error> {
    let inputs = Inputs::open(workspace, profile)?;
    let context = inputs.context(workspace, false);
    let sources = mirror::update(&context)?;
    let programs = native::build(&context, &sources, &native::SESSION)?;
    let apps = apps::build(&context, &sources, &inputs.profile)?;
    Ok(Native { programs, apps: apps.folder.join("apps") })
}

/// Builds one of the device's programs for this host.
pub fn build_program(workspace: &Workspace, profile: &str, name: &str) -> Result<PathBuf, Error> {
    let inputs = Inputs::open(workspace, profile)?;
    let context = inputs.context(workspace, false);
    let sources = mirror::update(&context)?;
    Ok(native::build(&context, &sources, &[name])?.join(name))
}

/// Components of several languages, and what runs them on this host.
#[derive(Clone, Debug)]
pub struct Languages {
    /// The folder of the programs.
    pub programs: PathBuf,
    /// The output of the apps stage: `apps/<id>/` and `compiled/`.
    pub apps: PathBuf,
    /// The folder of `app.wasm` and `compiled/`, made of C.
    pub c: PathBuf,
}

/// Builds the apps of the profile that has every language, and a component in C, which no image has.
pub fn build_languages(workspace: &Workspace) -> Result<Languages, Error> {
    let inputs = Inputs::open(workspace, "showcase")?;
    let context = inputs.context(workspace, false);
    let sources = mirror::update(&context)?;
    let apps = apps::build(&context, &sources, &inputs.profile)?.folder;
    let c = c_component::build(&context, &sources)?;
    let programs = native::build(&context, &sources, &["weft-compile", "weft-runtime"])?;
    Ok(Languages { programs, apps, c })
}

/// What all builds start from: a checked profile on a checked host.
struct Inputs {
    profile: Profile,
    sets: PackageSets,
    lock: Lock,
    cache: Cache,
    progress: Progress,
}

impl Inputs {
    fn open(workspace: &Workspace, profile: &str) -> Result<Self, Error> {
        let progress = Progress::new();
        // A wrong profile or a broken app is said before anything is installed or locked.
        let profile = Profile::read(workspace.root(), profile)?;
        apps::check(workspace.root(), &profile)?;
        trusted_keys::check(workspace.root(), &profile)?;
        let sets = PackageSets::read(&workspace.root().join("image/packages.toml"))?;
        let lock = Lock::read(&workspace.root().join("image/packages.lock"))?;
        let cache = Cache::open(workspace.cache(), &progress)?;
        cache.check_room(false)?;
        host::check(&cache.logs(), &progress, apps::has_scripted(workspace.root(), &profile))?;
        Ok(Self { profile, sets, lock, cache, progress })
    }

    fn context<'a>(&'a self, workspace: &'a Workspace, rebuild: bool) -> Context<'a> {
        Context {
            workspace,
            cache: &self.cache,
            progress: &self.progress,
            sets: &self.sets,
            lock: &self.lock,
            rebuild,
        }
    }
}

/// Image, list of files and description; the description last, since it says that the others are there.
fn export(
    info: &ImageInfo,
    description: &Path,
    disk_image: &Path,
    rootfs: &rootfs::Rootfs,
) -> Result<(), Error> {
    let text = format!("{}\n", serde_json::to_string_pretty(info)?);
    let unchanged = std::fs::read_to_string(description).is_ok_and(|before| before == text);
    if unchanged && info.image.exists() && info.files.exists() {
        return Ok(());
    }
    // A description of what is being replaced must not outlive it.
    let _ = std::fs::remove_file(description);
    rootfs::export_list(rootfs, &info.files)?;
    disk::export(disk_image, &info.image)?;
    Ok(stages::write_file(description, text)?)
}

fn size(path: &Path) -> Result<u64, Error> {
    let metadata = std::fs::metadata(path).map_err(|source| Error::Size { path: path.to_owned(), source })?;
    Ok(metadata.len())
}
