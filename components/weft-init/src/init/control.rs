//! The control socket `/run/weft/init.sock`.

use super::Init;
use super::shutdown::{Goal, Note};
use crate::control::{self, GROUP, LINE_LIMIT, Request};
use crate::reactor::Token;
use crate::sockets;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, SocketType};
use std::time::Duration;

const SOCKET: &str = "/run/weft/init.sock";
/// More clients than that push the oldest out.
const CLIENT_LIMIT: usize = 16;

/// A connection that has not sent its whole line yet.
pub struct Client {
    fd: OwnedFd,
    line: Vec<u8>,
    allowed: bool,
    is_root: bool,
}

impl Init {
    pub(super) fn open_control(&mut self) {
        let gid = self.accounts.gid(GROUP).unwrap_or(0);
        match sockets::bind(SOCKET, SocketType::STREAM, 0, gid, 0o660) {
            Ok(fd) => {
                let _ = rustix::io::ioctl_fionbio(&fd, true);
                let _ = self.reactor.watch(&fd, Token::Control, false);
                self.control = Some(fd);
            }
            Err(error) => self.complain(&error.to_string()),
        }
    }

    pub(super) fn on_connection(&mut self) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let Some(Ok(fd)) = self.control.as_ref().map(|socket| rustix::net::accept_with(socket, flags)) else {
            return;
        };
        // The folder's permissions kept others out already; a descriptor that was passed on did not go through them.
        let peer = rustix::net::sockopt::socket_peercred(&fd).ok();
        let is_root = peer.is_some_and(|peer| peer.uid.is_root());
        let allowed = is_root
            || peer.is_some_and(|peer| self.accounts.belongs(peer.uid.as_raw(), peer.gid.as_raw(), GROUP));
        if self.clients.len() >= CLIENT_LIMIT
            && let Some((_, oldest)) = self.clients.pop_first()
        {
            self.reactor.forget(&oldest.fd);
        }
        let serial = self.next_serial();
        let _ = self.reactor.watch(&fd, Token::Client(serial), false);
        self.clients.insert(serial, Client { fd, line: Vec::new(), allowed, is_root });
    }

    pub(super) fn on_request(&mut self, serial: u32, now: Duration) {
        let Some(client) = self.clients.get_mut(&serial) else {
            return;
        };
        let mut buffer = [0; LINE_LIMIT];
        let at_end = match rustix::net::recv(&client.fd, &mut buffer, RecvFlags::DONTWAIT) {
            Ok((0, _)) => true,
            Ok((length, _)) => {
                client.line.extend_from_slice(buffer.get(..length).unwrap_or_default());
                client.line.contains(&b'\n') || client.line.len() > LINE_LIMIT
            }
            Err(Errno::AGAIN | Errno::INTR) => false,
            Err(_) => true,
        };
        if !at_end {
            return;
        }
        let Some(client) = self.clients.remove(&serial) else {
            return;
        };
        self.reactor.forget(&client.fd);
        let line =
            String::from_utf8_lossy(client.line.split(|byte| *byte == b'\n').next().unwrap_or_default());
        let reply = match client.allowed {
            true => self.answer(&line, client.is_root, now),
            false => Err(format!("only root and the group {GROUP} may ask")),
        };
        let reply = reply.unwrap_or_else(|why| format!("error: {why}\n"));
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        // Short enough for any socket buffer; a client that is gone does not matter.
        let _ = rustix::net::send(&client.fd, reply.as_bytes(), flags);
    }

    fn answer(&mut self, line: &str, is_root: bool, now: Duration) -> Result<String, String> {
        let request = control::parse(line)?;
        if matches!(request, Request::Good | Request::Failed(_)) && !is_root {
            return Err("only root decides about a release".to_owned());
        }
        match request {
            Request::Status => {
                return Ok(self.supervisor.status().into_iter().map(|line| line + "\n").collect());
            }
            Request::Health => return Ok(self.health() + "\n"),
            Request::Good => self.found_good(now),
            Request::Failed(why) => self.found_broken(&why, now),
            Request::FactoryReset => self.shut_down_with(Goal::Reboot, Note::Reset, "factory reset", now),
            Request::PowerOff => self.begin_shutdown(Goal::PowerOff, "request", now),
            Request::Reboot => self.begin_shutdown(Goal::Reboot, "request", now),
            Request::Restart(name) => {
                let unit = self.supervisor.find(&name).ok_or(format!("no service is called {name:?}"))?;
                let actions = self.supervisor.restart(unit, now);
                self.perform(actions, now);
            }
        }
        Ok("ok\n".to_owned())
    }
}
