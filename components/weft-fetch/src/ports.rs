//! Ports of services that take HTTP for something of their own.

/// Whether a request to this port is refused: the "bad ports" of the Fetch Standard, section 2.10 "Port blocking". An app that may reach a
/// host over HTTP is not thereby allowed to speak to its mail server.
pub fn is_blocked(port: u16) -> bool {
    BLOCKED.binary_search(&port).is_ok()
}

#[rustfmt::skip]
const BLOCKED: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115,
    117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601,
    636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
    10080,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_leaves_the_web_open() {
        assert!(BLOCKED.is_sorted());
        assert!(is_blocked(25) && is_blocked(22) && is_blocked(0));
        assert!([80, 443, 8080, 8443, 65535].iter().all(|port| !is_blocked(*port)));
    }
}
