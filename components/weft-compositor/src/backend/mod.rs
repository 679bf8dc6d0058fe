//! Where frames go and input comes from, one file a backend.

pub mod drm;
pub mod headless;
mod libinput;
#[cfg(feature = "winit")]
pub mod winit;

use crate::scene::Scene;
use smithay::backend::renderer::element::RenderElementStates;

/// What became of a frame that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// The device shows it soon and says when.
    Flip,
    /// It is shown.
    Shown,
    /// Nothing differs from the frame before.
    Unchanged,
}

/// Why a backend could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Drm(#[from] drm::Error),
    #[error(transparent)]
    Headless(#[from] headless::Error),
    #[cfg(feature = "winit")]
    #[error(transparent)]
    Winit(#[from] winit::Error),
}

/// The backend in use.
#[derive(Debug)]
pub enum Backend {
    Drm(Box<drm::Drm>),
    Headless(Box<headless::Headless>),
    #[cfg(feature = "winit")]
    Winit(Box<winit::Winit>),
}

impl Backend {
    /// Draws the scene, as far as it differs from what is shown.
    pub fn draw(&mut self, scene: &Scene) -> Result<(Submitted, RenderElementStates), Error> {
        Ok(match self {
            Self::Drm(drm) => drm.draw(scene)?,
            Self::Headless(headless) => headless.draw(scene)?,
            #[cfg(feature = "winit")]
            Self::Winit(winit) => winit.draw(scene)?,
        })
    }

    /// Whether there is a display, ours or another program's for now.
    pub fn is_connected(&self) -> bool {
        match self {
            Self::Drm(drm) => drm.is_connected(),
            Self::Headless(_) => true,
            #[cfg(feature = "winit")]
            Self::Winit(_) => true,
        }
    }

    /// Whether there is anything to draw on.
    pub fn is_active(&self) -> bool {
        match self {
            Self::Drm(drm) => drm.is_active(),
            Self::Headless(_) => true,
            #[cfg(feature = "winit")]
            Self::Winit(_) => true,
        }
    }

    /// Gives the display back; nothing is drawn after this.
    pub fn release(&mut self) {
        if let Self::Drm(drm) = self {
            drm.release();
        }
    }
}
