//! What is on the screen: the compositor tells it to everybody who connects to its socket, one JSON object in one line, and closes. It
//! looks at the pixels when it is asked.

use crate::line::Line;
use serde::{Deserialize, Serialize};

/// Where the compositor tells it.
pub const SOCKET: &str = "/run/weft/screen.sock";

/// The screen at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// There is a display. A monitor that is switched off may count as none.
    pub connected: bool,
    /// The display shows the frames that are drawn for it; never without one.
    pub presenting: bool,
    /// Windows of which something can be seen, the topmost first.
    pub windows: Vec<Window>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The app that appd vouches for; none for the system UI.
    pub app_id: Option<String>,
    /// All that can be seen of it has one colour.
    pub blank: bool,
}

impl Line for Screen {
    const MAX_LINE_LEN: usize = 64 << 10;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back() {
        let window = Window { app_id: Some("org.weft.test".into()), blank: true };
        let windows = vec![window, Window { app_id: None, blank: false }];
        let screen = Screen { connected: true, presenting: false, windows };
        assert_eq!(Screen::from_line(&screen.to_line()), Some(screen));
        assert_eq!(Screen::from_line("{}"), None);
    }
}
