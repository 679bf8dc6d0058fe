//! Kernel uevents: `ACTION@DEVPATH`, then `KEY=VALUE`, each ended by a zero byte (`lib/kobject_uevent.c`).

/// One uevent; properties keep the kernel's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uevent {
    pub properties: Vec<(String, String)>,
}

impl Uevent {
    /// `None` for anything that is not a kernel uevent.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let mut fields = datagram.split(|byte| *byte == 0).filter(|field| !field.is_empty());
        let heading = std::str::from_utf8(fields.next()?).ok()?;
        heading.split_once('@')?;
        let pair = |field: &[u8]| {
            let (key, value) = std::str::from_utf8(field).ok()?.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        };
        let event = Self { properties: fields.filter_map(pair).collect() };
        event.get("ACTION").and(event.get("DEVPATH")).and(event.get("SUBSYSTEM"))?;
        Some(event)
    }

    /// The properties in `/sys/…/uevent`, one a line.
    pub fn parse_file(text: &str) -> Self {
        let pair = |line: &str| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self { properties: text.lines().filter_map(pair).collect() }
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.properties.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Major and minor number of the node, where the device has one.
    pub fn number(&self) -> Option<(u32, u32)> {
        Some((self.get("MAJOR")?.parse().ok()?, self.get("MINOR")?.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_a_kernel_message() {
        let message = b"add@/devices/x/event3\0ACTION=add\0DEVPATH=/devices/x/event3\0SUBSYSTEM=input\0MAJOR=13\0MINOR=67\0DEVNAME=input/event3\0SEQNUM=9\0";
        let event = Uevent::parse(message).unwrap();
        assert_eq!(event.get("DEVNAME"), Some("input/event3"));
        assert_eq!(event.number(), Some((13, 67)));
    }

    #[test]
    fn refuses_what_is_none() {
        assert_eq!(Uevent::parse(b""), None);
        assert_eq!(Uevent::parse(b"libudev\0\xfe\xed\xca\xfe"), None);
        assert_eq!(Uevent::parse(b"add@/x\0ACTION=add\0"), None, "no subsystem");
    }

    #[test]
    fn reads_a_sysfs_file() {
        let event =
            Uevent::parse_file("MAJOR=254\nMINOR=6\nDEVNAME=vda6\nDEVTYPE=partition\nPARTNAME=state\n");
        assert_eq!(event.get("PARTNAME"), Some("state"));
    }

    proptest! {
        #[test]
        fn never_panics(datagram in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Uevent::parse(&datagram);
        }
    }
}
