//! The network of a machine: QEMU's own (`-netdev user`), with a DHCP server, a router and a name server in QEMU itself.

/// What the machine gets from QEMU's DHCP server.
pub const ADDRESS: &str = "10.0.2.15";
pub const ROUTER: &str = "10.0.2.2";
pub const NAME_SERVER: &str = "10.0.2.3";

/// Names of the parts, for the monitor.
pub const CARD: &str = "network-card";
const NETWORK: &str = "network";
const SLOT: &str = "network-slot";

/// Properties of the card, as `-device` and `device_add` take them. It has no ROM: the firmware has no business with it.
pub const CARD_PROPERTIES: [(&str, &str); 5] =
    [("driver", "virtio-net-pci"), ("netdev", NETWORK), ("bus", SLOT), ("id", CARD), ("romfile", "")];

/// Arguments for a card in a slot that it can be pulled out of.
pub fn arguments() -> Vec<String> {
    let [(_, driver), rest @ ..] = CARD_PROPERTIES;
    let properties: String = rest.iter().map(|(name, value)| format!(",{name}={value}")).collect();
    vec![
        "-netdev".into(),
        format!("user,id={NETWORK}"),
        "-device".into(),
        format!("pcie-root-port,id={SLOT},chassis=1"),
        "-device".into(),
        format!("{driver}{properties}"),
    ]
}
