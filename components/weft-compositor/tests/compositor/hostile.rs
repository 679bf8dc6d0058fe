//! Clients that misbehave harm nobody but themselves.

use crate::client::Client;
use crate::diary::Diary;
use crate::output::*;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use wayland_client::delegate_noop;
use wayland_client::protocol::{wl_compositor::WlCompositor, wl_shm, wl_shm::WlShm, wl_subcompositor};

/// Whatever happened before, an orderly client is served.
fn still_serves(output: &Output) {
    let mut app = Client::connect(output);
    let _window = app.show("orderly", "application", BLUE);
    output.shows(&[(0, 0, BLUE)]);
}

#[test]
fn garbage_on_the_socket() {
    let output = Output::start();
    for seed in 0..50u32 {
        let mut stream = output.connect();
        let noise: Vec<u8> = (0..4096u32)
            .map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(seed * 97) >> 13) as u8)
            .collect();
        drop(stream.write_all(&noise));
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
    }
    still_serves(&output);
}

#[test]
fn requests_to_objects_that_are_not_there() {
    let output = Output::start();
    for opcode in 0..20u32 {
        let mut stream = output.connect();
        let mut message = Vec::new();
        message.extend_from_slice(&7u32.to_ne_bytes());
        message.extend_from_slice(&((12 << 16) | opcode).to_ne_bytes());
        message.extend_from_slice(&u32::MAX.to_ne_bytes());
        stream.write_all(&message).unwrap();
    }
    still_serves(&output);
}

#[test]
fn more_surfaces_than_one_client_gets() {
    let output = Output::start();
    let mut greedy = Client::connect(&output);
    let compositor: WlCompositor = greedy.bind();
    for _ in 0..257 {
        compositor.create_surface(&greedy.handle, "more");
    }
    assert!(greedy.error().unwrap().contains("more than 256 surfaces"));
    still_serves(&output);
}

#[test]
fn surfaces_that_are_given_back_do_not_count() {
    let output = Output::start();
    let mut app = Client::connect(&output);
    let compositor: WlCompositor = app.bind();
    for _ in 0..20 {
        let surfaces: Vec<_> = (0..100).map(|_| compositor.create_surface(&app.handle, "some")).collect();
        surfaces.iter().for_each(|surface| surface.destroy());
        app.roundtrip();
    }
    assert_eq!(app.error(), None);
}

#[test]
fn more_pools_than_one_client_gets() {
    let output = Output::start();
    let mut greedy = Client::connect(&output);
    let shm: WlShm = greedy.bind();
    let file = memfd_create("pool", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&file, 4096).unwrap();
    for _ in 0..65 {
        shm.create_pool(file.as_fd(), 4096, &greedy.handle, ());
    }
    assert!(greedy.error().unwrap().contains("shared memory pools"));
    still_serves(&output);
}

#[test]
fn more_buffers_than_one_client_gets() {
    let output = Output::start();
    let mut greedy = Client::connect(&output);
    let shm: WlShm = greedy.bind();
    let file = memfd_create("pool", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&file, 4096).unwrap();
    let pool = shm.create_pool(file.as_fd(), 4096, &greedy.handle, ());
    for _ in 0..2 {
        let some = |_| pool.create_buffer(0, 8, 8, 32, wl_shm::Format::Xrgb8888, &greedy.handle, ());
        let buffers: Vec<_> = (0..200).map(some).collect();
        greedy.roundtrip();
        buffers.iter().for_each(|buffer| buffer.destroy());
        greedy.roundtrip();
    }
    for _ in 0..257 {
        pool.create_buffer(0, 8, 8, 32, wl_shm::Format::Xrgb8888, &greedy.handle, ());
        drop(greedy.connection.flush());
    }
    assert!(greedy.error().is_some());
    still_serves(&output);
}

#[test]
fn a_pool_that_shrinks_under_the_compositor() {
    let output = Output::start();
    let mut liar = Client::connect(&output);
    let window = liar.open("liar", "application");
    let file = memfd_create("pool", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&file, 320 * 152 * 4).unwrap();
    let shm: WlShm = liar.bind();
    let pool = shm.create_pool(file.as_fd(), 320 * 152 * 4, &liar.handle, ());
    let buffer = pool.create_buffer(0, 320, 152, 320 * 4, wl_shm::Format::Xrgb8888, &liar.handle, ());
    ftruncate(&file, 0).unwrap();
    window.surface.attach(Some(&buffer), 0, 0);
    window.surface.damage_buffer(0, 0, 320, 152);
    window.surface.commit();
    drop(liar.connection.flush());
    still_serves(&output);
}

#[test]
fn a_buffer_larger_than_the_renderer_can() {
    let output = Output::start();
    let mut liar = Client::connect(&output);
    let shm: WlShm = liar.bind();
    let file = memfd_create("pool", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&file, 40_000 * 4).unwrap();
    let pool = shm.create_pool(file.as_fd(), 40_000 * 4, &liar.handle, ());
    pool.create_buffer(0, 40_000, 1, 40_000 * 4, wl_shm::Format::Xrgb8888, &liar.handle, ());
    assert!(liar.error().unwrap().contains("at most 16384x16384"));
    still_serves(&output);
}

#[test]
fn a_buffer_before_the_first_configure() {
    let output = Output::start();
    let mut hasty = Client::connect(&output);
    let surface = hasty.bind::<WlCompositor>().create_surface(&hasty.handle, "hasty");
    let base: wayland_protocols::xdg::shell::client::xdg_wm_base::XdgWmBase = hasty.bind();
    let xdg_surface = base.get_xdg_surface(&surface, &hasty.handle, "hasty");
    let _toplevel = xdg_surface.get_toplevel(&hasty.handle, "hasty");
    let buffer = hasty.buffer((10, 10), RED);
    surface.attach(Some(&buffer), 0, 0);
    surface.commit();
    assert!(hasty.error().is_some());
    still_serves(&output);
}

#[test]
fn a_tower_of_subsurfaces() {
    let output = Output::start();
    let mut deep = Client::connect(&output);
    let window = deep.show("deep", "application", GREEN);
    let compositor: WlCompositor = deep.bind();
    let subcompositor: wl_subcompositor::WlSubcompositor = deep.bind();
    let buffer = deep.buffer((4, 4), RED);
    let mut parent = window.surface.clone();
    for _ in 0..200 {
        let child = compositor.create_surface(&deep.handle, "child");
        subcompositor.get_subsurface(&child, &parent, &deep.handle, ());
        child.attach(Some(&buffer), 0, 0);
        child.commit();
        parent = child;
    }
    window.surface.commit();
    deep.roundtrip();
    still_serves(&output);
}

#[test]
fn more_clients_than_there_is_room_for() {
    let output = Output::start();
    let streams: Vec<_> = (0..200).map(|_| output.connect()).collect();
    output.picture();
    drop(streams);
    eventually(|| {
        let stream = output.connect();
        match wayland_client::Connection::from_socket(stream).unwrap().roundtrip() {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("no client is taken any more: {error}")),
        }
    });
    still_serves(&output);
}

delegate_noop!(Diary: wl_subcompositor::WlSubcompositor);
delegate_noop!(Diary: wayland_client::protocol::wl_subsurface::WlSubsurface);
