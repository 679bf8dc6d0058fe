//! Where things are on the screen, from the lines `weft-layout <what> <x> <y> <width> <height>` that the pages log.

use super::Rect;

/// The newest place of `what` in a log.
pub fn find(log: &str, what: &str) -> Option<Rect> {
    log.lines().rev().find_map(|line| parse(line, what))
}

/// The place in one line that says `what`. A page that is partly off the screen says negative numbers: no place to click on.
fn parse(line: &str, what: &str) -> Option<Rect> {
    let (_, rest) = line.split_once("weft-layout ")?;
    let mut words = rest.split_ascii_whitespace();
    if words.next()? != what {
        return None;
    }
    // A log may put a quotation mark or a source position behind the last number.
    let mut number = || words.next()?.trim_end_matches(|end: char| !end.is_ascii_digit()).parse().ok();
    Some(Rect { x: number()?, y: number()?, width: number()?, height: number()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_line_counts() {
        let log = "0.1 INFO weft-layout plus 1 2 3 4\n0.2 INFO weft-layout plus 5 6 7 8\n0.3 weft-layout minus 1 1 1 1\n";
        assert_eq!(find(log, "plus"), Some(Rect { x: 5, y: 6, width: 7, height: 8 }));
        assert_eq!(find(log, "icon:org.weft.demo.counter"), None);
        assert_eq!(find("weft-layout home -5 0 1 1", "home"), None);
    }
}
