//! A window onto a machine whose size a person changes, played by a VNC client (RFC 6143): the guest sees a display with another
//! preferred mode, as when a monitor is exchanged.

use anyhow::{Context, ensure};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const VERSION: &[u8; 12] = b"RFB 003.008\n";
/// Security type "None" (RFC 6143, 7.1.2).
const NO_SECURITY: u8 = 1;
/// `SetEncodings` (7.5.2), and the encodings "raw" and ExtendedDesktopSize (rfbproto, 7.8.2), without which no size may be set.
const SET_ENCODINGS: [u8; 12] = [2, 0, 0, 2, 0, 0, 0, 0, 0xff, 0xff, 0xfe, 0xcc];
/// `SetDesktopSize` (rfbproto, 7.5.3).
const SET_DESKTOP_SIZE: u8 = 251;
/// QEMU itself answers, whatever the guest does.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Open as long as this lives.
#[derive(Debug)]
pub struct Window {
    stream: UnixStream,
}

impl Window {
    pub(crate) fn open(socket: &Path) -> anyhow::Result<Window> {
        let stream = UnixStream::connect(socket)
            .with_context(|| format!("QEMU has no window at {}", socket.display()))?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let mut window = Window { stream };
        window.shake_hands().context("QEMU's VNC server does not answer as RFC 6143 says")?;
        Ok(window)
    }

    fn shake_hands(&mut self) -> anyhow::Result<()> {
        let version = self.read::<12>()?;
        ensure!(&version == VERSION, "its version is {}", String::from_utf8_lossy(&version));
        self.stream.write_all(VERSION)?;
        let [count] = self.read()?;
        let mut kinds = vec![0; count.into()];
        self.stream.read_exact(&mut kinds)?;
        ensure!(kinds.contains(&NO_SECURITY), "it wants a password");
        self.stream.write_all(&[NO_SECURITY])?;
        ensure!(self.read()? == [0; 4], "it refuses");
        // ClientInit: others may look too. ServerInit: size, pixel format, and the name with its length.
        self.stream.write_all(&[1])?;
        self.read::<20>()?;
        let length = u32::from_be_bytes(self.read()?);
        std::io::copy(&mut (&self.stream).take(length.into()), &mut std::io::sink())?;
        Ok(self.stream.write_all(&SET_ENCODINGS)?)
    }

    fn read<const COUNT: usize>(&mut self) -> anyhow::Result<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Makes the window this large, in pixels.
    pub fn resize(&mut self, (width, height): (u16, u16)) -> anyhow::Result<()> {
        let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
        // One screen, at 0, 0, as large as the whole; no flags.
        let message = [&[SET_DESKTOP_SIZE, 0], &size[..], &[1, 0], &[0; 8], &size[..], &[0; 4]].concat();
        Ok(self.stream.write_all(&message)?)
    }
}
