//! The stages in order, from the host's packages to a bootable disk image.

use crate::image_info::ImageInfo;
use crate::workspace::Workspace;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("not there yet")]
    Unfinished,
}

/// What to build.
#[derive(Clone, Debug)]
pub struct Request {
    pub profile: String,
    /// Make the root image and all after it anew although the cache has them.
    pub rebuild: bool,
}

/// Builds the image of a profile, or finds it in the cache, and puts it under `build/images/`.
pub fn build(_workspace: &Workspace, _request: &Request) -> Result<ImageInfo, Error> {
    Err(Error::Unfinished)
}
