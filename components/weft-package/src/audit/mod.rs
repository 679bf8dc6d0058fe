//! One statement about every app: everything it can reach, from its manifest and from what its component imports.

mod disk_image;

use crate::check::MAX_MODULE;
use crate::component;
use crate::image::{self, Tree};
use crate::launch::Publisher;
use crate::places::Places;
use crate::reach::Reach;
use crate::store::{self, State};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use weft_manifest::{AppId, MANIFEST_NAME, Manifest};

/// Where the apps of the system lie in its root image.
const SYSTEM_APPS: &str = "/usr/share/weft/apps";
/// The longest manifest, in bytes.
const MAX_MANIFEST: u64 = 64 << 10;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is neither a disk image with a root partition, nor a root image, nor the image of an app", .0.display())]
    NoImage(PathBuf),
    #[error("{} has a damaged partition table: {reason}", path.display())]
    Partitions { path: PathBuf, reason: &'static str },
    #[error(transparent)]
    Image(#[from] image::Error),
}

/// What is said about one app.
#[derive(Debug, Clone)]
pub struct Statement {
    pub id: String,
    /// Empty where the manifest cannot be read.
    pub version: String,
    /// Who vouches for it, in words.
    pub publisher: String,
    pub has_page: bool,
    /// `None` where manifest or component cannot be read.
    pub reach: Option<Reach>,
    /// Why it could not be read, or would not be launched.
    pub problem: Option<String>,
}

impl Statement {
    /// Whatever is wrong, in sentences.
    pub fn faults(&self) -> impl Iterator<Item = String> {
        let disagreements = self.reach.iter().flat_map(|reach| &reach.disagreements);
        self.problem.iter().cloned().chain(disagreements.map(ToString::to_string))
    }

    /// Whether manifest and component agree.
    pub fn is_sound(&self) -> bool {
        self.faults().next().is_none()
    }
}

/// About every app of the stores.
pub fn stores(places: &Places) -> Result<Vec<Statement>, Error> {
    let mut statements = Vec::new();
    for entry in store::list(places) {
        let folder = entry.store.join(entry.id.as_str());
        let installed = folder.join(image::INSTALLED_NAME);
        let mut statement = if installed.exists() {
            let bytes = image::read(&installed)?;
            in_tree(&Tree::new(&bytes, &installed)?, &installed, "", entry.id.as_str(), "not launched")?
        } else {
            let read = |path: &str, most| read_file(&folder.join(path), most);
            statement(entry.id.as_str(), &folder, read)?
        };
        match entry.state {
            State::Launchable { publisher, .. } => statement.publisher = describe(&publisher),
            State::Refused(refusal) => {
                statement.problem =
                    statement.problem.or_else(|| Some(format!("it is not launched: {refusal}")));
            }
        }
        statements.push(statement);
    }
    Ok(statements)
}

/// About every app in a disk image, a root image, or the one of an app's image.
pub fn image(path: &Path) -> Result<Vec<Statement>, Error> {
    let mut statements = Vec::new();
    for (name, bytes) in disk_image::file_systems(path)? {
        let tree = Tree::new(&bytes, &name)?;
        if let Some(ids) = tree.folder(SYSTEM_APPS)? {
            let mut ids: Vec<String> = ids.into_iter().filter(|id| id.parse::<AppId>().is_ok()).collect();
            ids.sort();
            for id in ids {
                statements.push(in_tree(
                    &tree,
                    &name,
                    &format!("{SYSTEM_APPS}/{id}"),
                    &id,
                    "part of the system",
                )?);
            }
        } else if tree.file(&format!("/{MANIFEST_NAME}"), MAX_MANIFEST)?.is_some() {
            statements.push(in_tree(&tree, &name, "", "", "in an image of its own")?);
        } else if tree.folder("/usr")?.is_none() {
            return Err(Error::NoImage(path.to_owned()));
        }
    }
    Ok(statements)
}

fn in_tree(
    tree: &Tree<'_>,
    image: &Path,
    folder: &str,
    id: &str,
    publisher: &str,
) -> Result<Statement, Error> {
    let read = |path: &str, most| Ok(tree.file(&format!("{folder}/{path}"), most)?);
    let name = image.join(folder.trim_start_matches('/'));
    let mut statement = statement(id, &name, read)?;
    publisher.clone_into(&mut statement.publisher);
    Ok(statement)
}

/// Reads manifest and component wherever they are; what is wrong with them is said, not returned, so that one app hides no other.
fn statement(
    id: &str,
    folder: &Path,
    read: impl Fn(&str, u64) -> Result<Option<Vec<u8>>, Error>,
) -> Result<Statement, Error> {
    let mut statement = Statement {
        id: id.to_owned(),
        version: String::new(),
        publisher: "not launched".to_owned(),
        has_page: false,
        reach: None,
        problem: None,
    };
    let missing = |path: &str| format!("{} is missing", folder.join(path).display());
    let Some(text) = read(MANIFEST_NAME, MAX_MANIFEST)? else {
        statement.problem = Some(missing(MANIFEST_NAME));
        return Ok(statement);
    };
    let manifest = match Manifest::parse(&String::from_utf8_lossy(&text), &folder.join(MANIFEST_NAME)) {
        Ok(manifest) => manifest,
        Err(error) => {
            statement.problem = Some(error.to_string());
            return Ok(statement);
        }
    };
    if !id.is_empty() && manifest.id.as_str() != id {
        statement.problem = Some(format!("{} holds the app {}", folder.display(), manifest.id));
    }
    manifest.id.as_str().clone_into(&mut statement.id);
    statement.version = manifest.version.to_string();
    statement.has_page = manifest.ui.is_some();
    let Some(module) = read(manifest.module.as_str(), MAX_MODULE)? else {
        statement.problem = Some(missing(manifest.module.as_str()));
        return Ok(statement);
    };
    match component::imports(&module, &manifest.module.below(folder)) {
        Ok(imports) => statement.reach = Some(Reach::new(&manifest, imports)),
        Err(error) => statement.problem = Some(error.to_string()),
    }
    Ok(statement)
}

fn read_file(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

fn describe(publisher: &Publisher) -> String {
    match publisher {
        Publisher::System => "part of the system".to_owned(),
        Publisher::Owner(owner) => format!("installed, by {owner}"),
    }
}
