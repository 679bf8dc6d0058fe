//! The device's configuration space: what kind of input device it is (virtio 1.2, section 5.8.4).

use super::{
    ABS_MT_POSITION_X, ABS_MT_POSITION_Y, ABS_MT_SLOT, ABS_MT_TRACKING_ID, ABS_X, ABS_Y, AXIS_MAX, BTN_TOUCH,
    EV_ABS, EV_KEY,
};

/// `struct virtio_input_config`: select, subsel, size, 5 reserved, 128 of payload.
pub const SIZE: usize = 136;
const HEADER: usize = 8;

const ID_NAME: u8 = 0x01;
const PROP_BITS: u8 = 0x10;
const EV_BITS: u8 = 0x11;
const ABS_INFO: u8 = 0x12;
/// A touch screen, not a touch pad: fingers touch what they point at.
const INPUT_PROP_DIRECT: u16 = 1;
const SLOTS: u32 = 10;

/// What the driver reads after it has selected something.
pub fn space(select: u8, subselect: u8) -> [u8; SIZE] {
    let payload = match (select, u16::from(subselect)) {
        (ID_NAME, _) => b"WEFT test touch screen".to_vec(),
        (PROP_BITS, _) => bitmap(&[INPUT_PROP_DIRECT]),
        (EV_BITS, EV_KEY) => bitmap(&[BTN_TOUCH]),
        (EV_BITS, EV_ABS) => {
            bitmap(&[ABS_X, ABS_Y, ABS_MT_SLOT, ABS_MT_POSITION_X, ABS_MT_POSITION_Y, ABS_MT_TRACKING_ID])
        }
        (ABS_INFO, ABS_X | ABS_Y | ABS_MT_POSITION_X | ABS_MT_POSITION_Y) => range(AXIS_MAX),
        (ABS_INFO, ABS_MT_SLOT) => range(SLOTS - 1),
        (ABS_INFO, ABS_MT_TRACKING_ID) => range(0xffff),
        _ => Vec::new(),
    };
    let mut space = [0; SIZE];
    space[0] = select;
    space[1] = subselect;
    space[2] = payload.len() as u8;
    space[HEADER..HEADER + payload.len()].copy_from_slice(&payload);
    space
}

fn bitmap(bits: &[u16]) -> Vec<u8> {
    let mut bytes = vec![0; bits.iter().max().map_or(0, |top| usize::from(top / 8) + 1)];
    for bit in bits {
        bytes[usize::from(bit / 8)] |= 1 << (bit % 8);
    }
    bytes
}

/// `struct virtio_input_absinfo`: min, max, fuzz, flat, resolution.
fn range(maximum: u32) -> Vec<u8> {
    [0, maximum, 0, 0, 0].into_iter().flat_map(u32::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_driver_finds_a_touch_screen() {
        let keys = space(EV_BITS, 1);
        assert_eq!((keys[2], keys[HEADER + 0x14a / 8]), (42, 1 << (0x14a % 8)));
        let axis = space(ABS_INFO, 0x35);
        assert_eq!((axis[2], &axis[HEADER + 4..HEADER + 8]), (20, &AXIS_MAX.to_le_bytes()[..]));
        assert_eq!(space(EV_BITS, 2)[2], 0, "it has no relative axes");
    }
}
