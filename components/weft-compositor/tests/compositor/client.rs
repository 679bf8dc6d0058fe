//! A Wayland client that writes down what it is told.

use crate::diary::Diary;
use crate::output::{Output, eventually};
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use wayland_client::globals::{GlobalList, registry_queue_init};
use wayland_client::protocol::{wl_buffer, wl_compositor, wl_pointer, wl_seat, wl_shm, wl_surface};
use wayland_client::{Connection, Dispatch, EventQueue, Proxy, QueueHandle};
use wayland_protocols::xdg::shell::client::{xdg_surface, xdg_toplevel, xdg_wm_base};
use weft_protocol::client::zweft_shell_manager_v1::ZweftShellManagerV1;
use weft_protocol::client::zweft_shell_window_v1::ZweftShellWindowV1;

pub struct Client {
    pub connection: Connection,
    queue: EventQueue<Diary>,
    pub handle: QueueHandle<Diary>,
    pub globals: GlobalList,
    pub diary: Diary,
}

pub struct Window {
    pub surface: wl_surface::WlSurface,
    pub xdg_surface: xdg_surface::XdgSurface,
    pub toplevel: xdg_toplevel::XdgToplevel,
    pub shell: ZweftShellWindowV1,
}

impl Client {
    pub fn connect(output: &Output) -> Self {
        Self::over(output.connect())
    }

    pub fn over(stream: UnixStream) -> Self {
        let connection = Connection::from_socket(stream).unwrap();
        let (globals, queue) = registry_queue_init::<Diary>(&connection).unwrap();
        let handle = queue.handle();
        Self { connection, queue, handle, globals, diary: Diary::default() }
    }

    pub fn bind<I: Proxy + 'static>(&self) -> I
    where
        Diary: Dispatch<I, ()>,
    {
        self.globals.bind(&self.handle, 1..=I::interface().version, ()).unwrap()
    }

    pub fn roundtrip(&mut self) {
        self.queue.roundtrip(&mut self.diary).unwrap();
    }

    /// Whether the compositor has cut this client off, with its words.
    pub fn error(&mut self) -> Option<String> {
        self.queue.roundtrip(&mut self.diary).err()?;
        let error = self.connection.protocol_error();
        Some(error.map_or("no protocol error".into(), |error| error.to_string()))
    }

    /// The lines since the last call.
    pub fn told(&mut self) -> String {
        self.roundtrip();
        std::mem::take(&mut self.diary.lines).join("\n")
    }

    /// Waits for a line with this text.
    pub fn hears(&mut self, text: &str) {
        eventually(|| {
            self.roundtrip();
            match self.diary.lines.iter().any(|line| line.contains(text)) {
                true => Ok(()),
                false => Err(format!("no `{text}` in\n{}", self.diary.lines.join("\n"))),
            }
        });
    }

    /// Takes the seat's devices.
    pub fn take_seat(&mut self) -> wl_pointer::WlPointer {
        let seat: wl_seat::WlSeat = self.bind();
        self.hears("seat capabilities");
        seat.get_keyboard(&self.handle, ());
        let pointer = seat.get_pointer(&self.handle, ());
        seat.get_touch(&self.handle, ());
        self.roundtrip();
        pointer
    }

    /// A window without content, configured for the first time.
    pub fn open(&mut self, name: &'static str, role: &str) -> Window {
        let window = self.create(name, role, "org.weft.test");
        self.hears(&format!("{name} xdg_toplevel.configure"));
        window
    }

    /// A window that says it is of this app; nothing is waited for.
    pub fn create(&mut self, name: &'static str, role: &str, app_id: &str) -> Window {
        let surface = self.bind::<wl_compositor::WlCompositor>().create_surface(&self.handle, name);
        let xdg_surface = self.bind::<xdg_wm_base::XdgWmBase>().get_xdg_surface(&surface, &self.handle, name);
        let toplevel = xdg_surface.get_toplevel(&self.handle, name);
        let manager: ZweftShellManagerV1 = self.bind();
        let shell = manager.create_window(
            app_id.into(),
            name.into(),
            role.into(),
            Some(&surface),
            0,
            0,
            0,
            0,
            &self.handle,
            name,
        );
        surface.commit();
        Window { surface, xdg_surface, toplevel, shell }
    }

    /// A window that is filled with a colour, at the size it is configured for.
    pub fn show(&mut self, name: &'static str, role: &str, colour: [u8; 3]) -> Window {
        let window = self.open(name, role);
        let size = self.diary.size;
        self.fill(&window, size, colour);
        window
    }

    pub fn fill(&mut self, window: &Window, size: (i32, i32), colour: [u8; 3]) {
        let buffer = self.buffer(size, colour);
        self.attach(window, &buffer, size);
    }

    /// Fills the left half and the right half, at the size that the window is configured for.
    pub fn paint_halves(&mut self, window: &Window, left: [u8; 3], right: [u8; 3]) {
        let size = self.diary.size;
        let half = size.0 as usize / 2;
        let row: Vec<[u8; 3]> = (0..size.0 as usize).map(|x| if x < half { left } else { right }).collect();
        let buffer = self.buffer_of(size, &row.repeat(size.1 as usize));
        self.attach(window, &buffer, size);
    }

    fn attach(&mut self, window: &Window, buffer: &wl_buffer::WlBuffer, size: (i32, i32)) {
        window.surface.attach(Some(buffer), 0, 0);
        window.surface.damage_buffer(0, 0, size.0, size.1);
        window.surface.commit();
        self.roundtrip();
    }

    pub fn buffer(&mut self, size: (i32, i32), colour: [u8; 3]) -> wl_buffer::WlBuffer {
        self.buffer_of(size, &[colour].repeat((size.0 * size.1) as usize))
    }

    fn buffer_of(&mut self, (width, height): (i32, i32), colours: &[[u8; 3]]) -> wl_buffer::WlBuffer {
        let pixels: Vec<u8> =
            colours.iter().flat_map(|[red, green, blue]| [*blue, *green, *red, 255]).collect();
        let mut file = File::from(memfd_create("pixels", MemfdFlags::CLOEXEC).unwrap());
        file.write_all(&pixels).unwrap();
        let shm: wl_shm::WlShm = self.bind();
        let pool = shm.create_pool(file.as_fd(), pixels.len() as i32, &self.handle, ());
        let buffer =
            pool.create_buffer(0, width, height, width * 4, wl_shm::Format::Xrgb8888, &self.handle, ());
        pool.destroy();
        buffer
    }

    /// Size that the compositor asked for last.
    pub fn size(&self) -> (i32, i32) {
        self.diary.size
    }

    /// Frame callbacks that came until now.
    pub fn frames(&mut self) -> u32 {
        self.roundtrip();
        self.diary.frames
    }
}

impl Window {
    /// Ends the window as a client does that is not wanted any more.
    pub fn close(self) {
        self.shell.destroy();
        self.toplevel.destroy();
        self.xdg_surface.destroy();
        self.surface.destroy();
    }
}
