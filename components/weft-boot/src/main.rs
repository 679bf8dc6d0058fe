//! The first program that the firmware starts (`\EFI\BOOT\BOOTX64.EFI`): it starts systemd-boot, and the device anew when that gives up.
//!
//! systemd-boot takes one of an entry's tries before it starts it. Where the entry's file is damaged it returns to the firmware, which has
//! nothing else to start: the device would wait in a menu for somebody to come. Starting anew instead takes the next try, and after the last
//! one systemd-boot chooses the other slot by itself.
//!
//! The boot menu's entry for a factory reset is this program with the option `factory-reset`: it tells PID 1 by a variable that is gone with
//! the power, and starts systemd-boot as ever.

#![no_std]
#![no_main]

mod firmware;
mod text;

use firmware::Firmware;
use r_efi::efi::{Handle, Status, SystemTable};

/// systemd-boot, on the partition that this program came from.
const BOOT_LOADER: &[u16] = utf16!("\\EFI\\systemd\\systemd-bootx64.efi");
const FACTORY_RESET: &[u16] = utf16!("factory-reset");
const GAVE_UP: &[u16] = utf16!("WEFT OS: the boot entry cannot be started. Starting the device anew.\r\n");
const NOT_NOTED: &[u16] =
    utf16!("WEFT OS: the firmware keeps no note of the factory reset. Nothing was erased.\r\n");
/// How long a message can be read, in microseconds.
const READING: usize = 3_000_000;

/// What the firmware calls (UEFI specification 2.10, section 4.1).
#[unsafe(no_mangle)]
extern "efiapi" fn efi_main(image: Handle, table: *mut SystemTable) -> Status {
    // SAFETY: the firmware calls this once, with its own table and this program's handle.
    let firmware = unsafe { Firmware::new(image, table) };
    match run(&firmware) {
        Ok(()) => Status::SUCCESS,
        Err(status) => status,
    }
}

fn run(firmware: &Firmware) -> Result<(), Status> {
    if firmware.has_option(FACTORY_RESET)?
        && let Err(status) = firmware.wish_for_factory_reset()
    {
        firmware.say(NOT_NOTED);
        firmware.wait(READING);
        return Err(status);
    }
    // Where there is no boot loader at all, the firmware's next choice may be better.
    let boot_loader = firmware.load(BOOT_LOADER)?;
    // It returns without an error when somebody leaves its menu.
    if firmware.start(boot_loader).is_err() {
        firmware.say(GAVE_UP);
        firmware.wait(READING);
        firmware.restart();
    }
    Ok(())
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The firmware's watchdog ends a boot option that hangs (UEFI specification 2.10, section 3.1.2).
    loop {
        core::hint::spin_loop();
    }
}
