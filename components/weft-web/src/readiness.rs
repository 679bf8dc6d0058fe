//! When the page counts as painted: a frame that was drawn after the page was whole is on the screen.

/// Follows one page from its load to the screen.
#[derive(Debug, Default)]
pub struct Readiness {
    loaded: bool,
    whole: bool,
    /// The frame that shows the whole page.
    frame: Option<u64>,
    presented: u64,
    told: bool,
}

impl Readiness {
    /// The page has loaded: it may be shown, though some of it may be missing yet.
    pub fn loaded(&mut self) {
        self.loaded = true;
    }

    /// Nothing is missing any more: the next frame that is drawn shows the whole page.
    pub fn whole(&mut self) {
        self.whole = true;
    }

    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Whether the page is whole and nothing was drawn since.
    pub fn awaits_drawing(&self) -> bool {
        self.whole && self.frame.is_none()
    }

    /// The compositor has what was drawn as the frame of this number.
    pub fn drawn(&mut self, frame: u64) {
        if self.whole && self.frame.is_none() && frame > 0 {
            self.frame = Some(frame);
        }
    }

    /// This frame is on the screen.
    pub fn presented(&mut self, frame: u64) {
        self.presented = self.presented.max(frame);
    }

    /// Whether the page is painted; `true` once.
    pub fn is_reached(&mut self) -> bool {
        let reached = !self.told && self.frame.is_some_and(|frame| frame <= self.presented);
        self.told |= reached;
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::Readiness;

    #[test]
    fn frames_before_the_page_is_whole_do_not_count() {
        let mut readiness = Readiness::default();
        readiness.loaded();
        readiness.drawn(1);
        readiness.presented(1);
        assert!(!readiness.is_reached());
        readiness.whole();
        assert!(readiness.awaits_drawing() && !readiness.is_reached());
        readiness.drawn(2);
        assert!(!readiness.awaits_drawing() && !readiness.is_reached());
        readiness.presented(2);
        assert!(readiness.is_reached() && !readiness.is_reached());
    }

    #[test]
    fn a_whole_page_that_looks_as_before_is_ready_with_the_frame_that_is_there() {
        let mut readiness = Readiness::default();
        readiness.drawn(1);
        readiness.presented(1);
        readiness.whole();
        readiness.drawn(1);
        assert!(readiness.is_reached());
    }
}
