//! The device's queues: events that wait for a buffer of the driver, and its status queue, which is emptied unread.

use super::config;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use vhost::vhost_user::message::{VhostUserProtocolFeatures, VhostUserVirtioFeatures};
use vhost_user_backend::{VhostUserBackendMut, VringRwLock, VringT};
use virtio_queue::QueueT;
use vm_memory::{Bytes, GuestAddressSpace, GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;

/// Type, code and value of events that the guest has not got yet.
pub type Pending = Arc<Mutex<VecDeque<(u16, u16, u32)>>>;

const EVENT_QUEUE: usize = 0;
const QUEUES: usize = 2;
/// The event number of the eventfd that says that there are new events; those below belong to the queues.
pub const WAKE: u64 = QUEUES as u64 + 1;
const VIRTIO_F_VERSION_1: u64 = 1 << 32;

type Memory = GuestMemoryAtomic<GuestMemoryMmap>;

pub struct Device {
    memory: Memory,
    pending: Pending,
    wake: File,
    selected: (u8, u8),
}

impl Device {
    pub fn new(memory: Memory, pending: Pending, wake: File) -> Device {
        Device { memory, pending, wake, selected: (0, 0) }
    }

    /// Gives the guest what its buffers have room for.
    fn deliver(&self, vring: &VringRwLock) -> io::Result<()> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = self.memory.memory();
        let mut delivered = false;
        while let Some(&(kind, code, value)) = pending.front() {
            let chain = vring.get_mut().get_queue_mut().pop_descriptor_chain(memory.clone());
            let Some(mut chain) = chain else { break };
            let head = chain.head_index();
            let Some(buffer) = chain.next() else { break };
            let mut event = [0; 8];
            event[0..2].copy_from_slice(&kind.to_le_bytes());
            event[2..4].copy_from_slice(&code.to_le_bytes());
            event[4..8].copy_from_slice(&value.to_le_bytes());
            memory.write_slice(&event, buffer.addr()).map_err(io::Error::other)?;
            vring.add_used(head, event.len() as u32).map_err(io::Error::other)?;
            pending.pop_front();
            delivered = true;
        }
        if delivered { vring.signal_used_queue() } else { Ok(()) }
    }

    fn discard(&self, vring: &VringRwLock) -> io::Result<()> {
        let memory = self.memory.memory();
        loop {
            let chain = vring.get_mut().get_queue_mut().pop_descriptor_chain(memory.clone());
            let Some(chain) = chain else { return vring.signal_used_queue() };
            vring.add_used(chain.head_index(), 0).map_err(io::Error::other)?;
        }
    }
}

impl VhostUserBackendMut for Device {
    type Bitmap = ();
    type Vring = VringRwLock;

    fn num_queues(&self) -> usize {
        QUEUES
    }

    fn max_queue_size(&self) -> usize {
        1024
    }

    fn features(&self) -> u64 {
        VIRTIO_F_VERSION_1 | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits()
    }

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        VhostUserProtocolFeatures::CONFIG
    }

    fn set_event_idx(&mut self, _enabled: bool) {}

    fn update_memory(&mut self, memory: Memory) -> io::Result<()> {
        self.memory = memory;
        Ok(())
    }

    fn get_config(&self, offset: u32, size: u32) -> Vec<u8> {
        let space = config::space(self.selected.0, self.selected.1);
        let start = (offset as usize).min(config::SIZE);
        let end = (start + size as usize).min(config::SIZE);
        space[start..end].to_vec()
    }

    fn set_config(&mut self, offset: u32, bytes: &[u8]) -> io::Result<()> {
        for (place, byte) in (offset..).zip(bytes) {
            match place {
                0 => self.selected.0 = *byte,
                1 => self.selected.1 = *byte,
                _ => {}
            }
        }
        Ok(())
    }

    fn handle_event(
        &mut self,
        event: u16,
        _: EventSet,
        vrings: &[VringRwLock],
        _thread: usize,
    ) -> io::Result<()> {
        if u64::from(event) == WAKE {
            self.wake.read_exact(&mut [0; 8])?;
        }
        for (index, vring) in vrings.iter().enumerate() {
            match index {
                EVENT_QUEUE => self.deliver(vring)?,
                _ => self.discard(vring)?,
            }
        }
        Ok(())
    }
}
