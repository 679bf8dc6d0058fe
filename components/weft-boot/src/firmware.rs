//! The calls of the firmware that are needed here (UEFI specification 2.10).

use core::ffi::c_void;
use core::ptr;
use r_efi::efi::{BootServices, Char16, Guid, Handle, RESET_COLD, RuntimeServices, Status, SystemTable};
use r_efi::efi::{LOADER_DATA, VARIABLE_BOOTSERVICE_ACCESS, VARIABLE_RUNTIME_ACCESS};
use r_efi::protocols::{device_path, loaded_image};

use crate::utf16;

/// Under which PID 1 finds the wish (`weft-init`, `boot_info.rs`).
const VARIABLE: &[Char16] = utf16!("WeftFactoryReset");
const VENDOR: Guid =
    Guid::from_fields(0x6a1f_6f0c, 0x5c0e, 0x4f0b, 0x9d, 0x3a, &[0x77, 0x65, 0x66, 0x74, 0x6f, 0x73]);

/// Length of a device path node's header in bytes (section 10.3.1).
const NODE_HEADER: usize = 4;
/// A device path of the firmware's is shorter by far; a longer one is damaged.
const LONGEST_PATH: usize = 4096;

/// The firmware, until an operating system takes over, and this program in it.
pub struct Firmware {
    image: Handle,
    table: *mut SystemTable,
}

impl Firmware {
    /// # Safety
    ///
    /// `image` and `table` are what the firmware called this program with, and its boot services last as long as what is returned.
    pub unsafe fn new(image: Handle, table: *mut SystemTable) -> Self {
        Self { image, table }
    }

    fn boot(&self) -> &BootServices {
        // SAFETY: as promised to `new`.
        unsafe { &*(*self.table).boot_services }
    }

    fn runtime(&self) -> &RuntimeServices {
        // SAFETY: as promised to `new`; the runtime services last even longer.
        unsafe { &*(*self.table).runtime_services }
    }

    fn protocol<T>(&self, handle: Handle, guid: &Guid) -> Result<*mut T, Status> {
        let mut interface = ptr::null_mut();
        let mut guid = *guid;
        // SAFETY: the pointers are to what lives until the call returns.
        done(unsafe { (self.boot().handle_protocol)(handle, &mut guid, &mut interface) })?;
        Ok(interface.cast())
    }

    fn loaded(&self) -> Result<&loaded_image::Protocol, Status> {
        let found = self.protocol::<loaded_image::Protocol>(self.image, &loaded_image::PROTOCOL_GUID)?;
        // SAFETY: the firmware keeps it for as long as this program runs (section 9.1).
        Ok(unsafe { &*found })
    }

    /// Whether this program was started with exactly this option, which ends in a zero.
    pub fn has_option(&self, option: &[Char16]) -> Result<bool, Status> {
        let loaded = self.loaded()?;
        let given: *const Char16 = loaded.load_options.cast();
        let units = loaded.load_options_size as usize / size_of::<Char16>();
        if given.is_null() || units < option.len() - 1 {
            return Ok(false);
        }
        // SAFETY: the firmware says how long the options are.
        let unit = |at: usize| unsafe { given.add(at).read_unaligned() };
        let (word, _) = option.split_at(option.len() - 1);
        let is_same = word.iter().enumerate().all(|(at, wanted)| unit(at) == *wanted);
        Ok(is_same && (units == word.len() || unit(word.len()) == 0))
    }

    /// Leaves a note for PID 1 that is gone when the power is: without [`VARIABLE_NON_VOLATILE`](r_efi::efi::VARIABLE_NON_VOLATILE).
    pub fn wish_for_factory_reset(&self) -> Result<(), Status> {
        let mut wish = 1u8;
        let mut vendor = VENDOR;
        let attributes = VARIABLE_BOOTSERVICE_ACCESS | VARIABLE_RUNTIME_ACCESS;
        let name = VARIABLE.as_ptr().cast_mut();
        // SAFETY: the name ends in a zero, and the value is one byte.
        done(unsafe {
            (self.runtime().set_variable)(name, &mut vendor, attributes, 1, (&raw mut wish).cast())
        })
    }

    /// Loads a program from the partition that this one came from. Where Secure Boot is on, the firmware checks its signature.
    pub fn load(&self, file: &[Char16]) -> Result<Handle, Status> {
        let device = self.loaded()?.device_handle;
        let folder =
            self.protocol::<device_path::Protocol>(device, &device_path::PROTOCOL_GUID)?.cast::<u8>();
        let length = path_length(folder)?;
        let file_bytes = size_of_val(file);
        let mut path = ptr::null_mut();
        let room = length + NODE_HEADER + file_bytes + NODE_HEADER;
        // SAFETY: the pointer is to what lives until the call returns.
        done(unsafe { (self.boot().allocate_pool)(LOADER_DATA, room, &mut path) })?;
        let path = path.cast::<u8>();
        let node = |kind: u8, subtype: u8, bytes: usize| {
            let [low, high] = ((NODE_HEADER + bytes) as u16).to_le_bytes();
            [kind, subtype, low, high]
        };
        let mut header = node(device_path::TYPE_MEDIA, device_path::Media::SUBTYPE_FILE_PATH, file_bytes);
        let mut end = node(device_path::TYPE_END, device_path::End::SUBTYPE_ENTIRE, 0);
        let parts = [
            (folder.cast::<c_void>(), length),
            (header.as_mut_ptr().cast(), NODE_HEADER),
            (file.as_ptr().cast_mut().cast(), file_bytes),
            (end.as_mut_ptr().cast(), NODE_HEADER),
        ];
        let mut at = 0;
        for (part, bytes) in parts {
            // SAFETY: the pool has room for all parts, of the lengths added up above.
            unsafe { (self.boot().copy_mem)(path.add(at).cast(), part, bytes) };
            at += bytes;
        }
        let mut program = ptr::null_mut();
        // SAFETY: the path ends with its end node; no file is given, so the firmware reads it.
        let outcome = unsafe {
            (self.boot().load_image)(false.into(), self.image, path.cast(), ptr::null_mut(), 0, &mut program)
        };
        // SAFETY: it came from `allocate_pool`. What cannot be freed is lost until the operating system takes over, which nobody notices.
        let _ = unsafe { (self.boot().free_pool)(path.cast()) };
        done(outcome)?;
        Ok(program)
    }

    /// Starts a program and waits until it returns.
    pub fn start(&self, program: Handle) -> Result<(), Status> {
        // SAFETY: nothing is asked about how the program ended but its status.
        done(unsafe { (self.boot().start_image)(program, ptr::null_mut(), ptr::null_mut()) })
    }

    /// Shows text, which ends in a zero.
    pub fn say(&self, text: &[Char16]) {
        // SAFETY: as promised to `new`; firmware without a console has none here.
        let console = unsafe { (*self.table).con_out };
        if !console.is_null() {
            // SAFETY: it is the firmware's own, and only reads the text. Nobody could be told that nothing can be told.
            let _ = unsafe { ((*console).output_string)(console, text.as_ptr().cast_mut()) };
        }
    }

    /// In microseconds.
    pub fn wait(&self, microseconds: usize) {
        // SAFETY: it only takes its time.
        let _ = unsafe { (self.boot().stall)(microseconds) };
    }

    /// Restarts the device.
    pub fn restart(&self) {
        // SAFETY: there is no data to hand over.
        unsafe { (self.runtime().reset_system)(RESET_COLD, Status::SUCCESS, 0, ptr::null_mut()) };
    }
}

/// Length of a device path in bytes, without its end (section 10.3.1).
fn path_length(path: *const u8) -> Result<usize, Status> {
    let mut at = 0;
    while at < LONGEST_PATH {
        // SAFETY: the path is the firmware's, and ends only with the node that is looked for.
        let [kind, subtype, low, high] = unsafe { path.add(at).cast::<[u8; NODE_HEADER]>().read() };
        if kind == device_path::TYPE_END && subtype == device_path::End::SUBTYPE_ENTIRE {
            return Ok(at);
        }
        at += usize::from(u16::from_le_bytes([low, high])).max(NODE_HEADER);
    }
    Err(Status::INVALID_PARAMETER)
}

fn done(status: Status) -> Result<(), Status> {
    if status.is_error() { Err(status) } else { Ok(()) }
}
