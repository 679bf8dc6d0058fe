//! `wasi:filesystem/types`, handed on to Wasmtime's, with room taken before anything grows.

use super::{Full, Quota};
use bytes::Bytes;
use std::fs::File;
use std::sync::Arc;
use wasmtime::Result;
use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, FsError, FsResult, OutputStream, Pollable, StreamError, StreamResult,
};

type Fd = Resource<Descriptor>;

/// The folder's place in the component.
const DATA: &str = "/data";

/// The host's side of `wasi:filesystem`.
pub struct Metered<'a> {
    inner: WasiFilesystemCtxView<'a>,
    quota: Option<&'a mut Quota>,
}

impl<'a> Metered<'a> {
    pub fn new(inner: WasiFilesystemCtxView<'a>, quota: Option<&'a mut Quota>) -> Self {
        Self { inner, quota }
    }

    /// The quota of a descriptor below `/data`.
    fn quota(&self, fd: &Fd) -> Option<&Quota> {
        self.quota.as_deref().filter(|quota| quota.below.contains(&fd.rep()))
    }

    /// Marks a new descriptor.
    fn adopt(&mut self, fd: &Fd) {
        if let Some(quota) = &mut self.quota {
            quota.below.insert(fd.rep());
        }
    }

    fn file(&self, fd: &Fd) -> Result<Option<Arc<File>>> {
        Ok(match self.inner.table.get(fd)? {
            Descriptor::File(file) => Some(file.file.clone()),
            Descriptor::Dir(_) => None,
        })
    }

    /// Takes room for a file that will end at `end`, if it is below `/data`.
    fn reserve(&self, fd: &Fd, end: u64) -> FsResult<()> {
        let Some(quota) = self.quota(fd) else { return Ok(()) };
        let Some(file) = self.file(fd).map_err(FsError::trap)? else { return Ok(()) };
        let size = file.metadata()?.len();
        Ok(quota.grow(size, end.max(size))?)
    }

    fn add_name(&self, fd: &Fd) -> FsResult<()> {
        self.quota(fd).map_or(Ok(()), |quota| Ok(quota.add_name()?))
    }

    fn meter(
        &mut self,
        fd: Fd,
        position: Option<u64>,
        stream: Resource<DynOutputStream>,
    ) -> FsResult<Resource<DynOutputStream>> {
        let Some(quota) = self.quota(&fd).cloned() else { return Ok(stream) };
        let Some(file) = self.file(&fd).map_err(FsError::trap)? else { return Ok(stream) };
        let inner = self.inner.table.delete(stream)?;
        let metered: DynOutputStream = Box::new(MeteredStream { inner, file, position, quota });
        Ok(self.inner.table.push(metered)?)
    }
}

/// For the linker.
pub struct MeteredData;

impl HasData for MeteredData {
    type Data<'a> = Metered<'a>;
}

impl From<Full> for FsError {
    fn from(_: Full) -> Self {
        types::ErrorCode::InsufficientSpace.into()
    }
}

impl preopens::Host for Metered<'_> {
    fn get_directories(&mut self) -> Result<Vec<(Fd, String)>> {
        let folders = preopens::Host::get_directories(&mut self.inner)?;
        for (fd, _) in folders.iter().filter(|(_, path)| path == DATA) {
            self.adopt(fd);
        }
        Ok(folders)
    }
}

impl types::Host for Metered<'_> {
    fn convert_error_code(&mut self, error: FsError) -> Result<types::ErrorCode> {
        self.inner.convert_error_code(error)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> Result<Option<types::ErrorCode>> {
        self.inner.filesystem_error_code(error)
    }
}

impl types::HostDirectoryEntryStream for Metered<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<types::DirectoryEntryStream>,
    ) -> FsResult<Option<types::DirectoryEntry>> {
        self.inner.read_directory_entry(stream).await
    }

    fn drop(&mut self, stream: Resource<types::DirectoryEntryStream>) -> Result<()> {
        types::HostDirectoryEntryStream::drop(&mut self.inner, stream)
    }
}

impl types::HostDescriptor for Metered<'_> {
    async fn set_size(&mut self, fd: Fd, size: u64) -> FsResult<()> {
        self.reserve(&fd, size)?;
        self.inner.set_size(fd, size).await
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        self.reserve(&fd, offset.saturating_add(bytes.len() as u64))?;
        self.inner.write(fd, bytes, offset).await
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.add_name(&fd)?;
        self.inner.create_directory_at(fd, path).await
    }

    async fn symlink_at(&mut self, fd: Fd, to: String, path: String) -> FsResult<()> {
        self.add_name(&fd)?;
        self.inner.symlink_at(fd, to, path).await
    }

    async fn link_at(
        &mut self,
        fd: Fd,
        flags: types::PathFlags,
        old: String,
        folder: Fd,
        new: String,
    ) -> FsResult<()> {
        self.add_name(&folder)?;
        self.inner.link_at(fd, flags, old, folder, new).await
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: types::PathFlags,
        path: String,
        open: types::OpenFlags,
        flags: types::DescriptorFlags,
    ) -> FsResult<Fd> {
        let parent = Fd::new_borrow(fd.rep());
        let counted = self.quota(&fd).is_some();
        if counted && open.contains(types::OpenFlags::CREATE) {
            let known = self.inner.stat_at(Fd::new_borrow(fd.rep()), path_flags, path.clone()).await;
            if known.is_err() {
                self.add_name(&fd)?;
            }
        }
        let opened = self.inner.open_at(parent, path_flags, path, open, flags).await?;
        if counted {
            self.adopt(&opened);
        }
        Ok(opened)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynOutputStream>> {
        let stream = self.inner.write_via_stream(Fd::new_borrow(fd.rep()), offset)?;
        self.meter(fd, Some(offset), stream)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let stream = self.inner.append_via_stream(Fd::new_borrow(fd.rep()))?;
        self.meter(fd, None, stream)
    }

    fn drop(&mut self, fd: Fd) -> Result<()> {
        if let Some(quota) = &mut self.quota {
            quota.below.remove(&fd.rep());
        }
        types::HostDescriptor::drop(&mut self.inner, fd)
    }

    // From here on nothing grows.

    async fn advise(&mut self, fd: Fd, offset: u64, length: u64, advice: types::Advice) -> FsResult<()> {
        self.inner.advise(fd, offset, length, advice).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        self.inner.sync_data(fd).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<types::DescriptorFlags> {
        self.inner.get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<types::DescriptorType> {
        self.inner.get_type(fd).await
    }

    async fn set_times(
        &mut self,
        fd: Fd,
        access: types::NewTimestamp,
        change: types::NewTimestamp,
    ) -> FsResult<()> {
        self.inner.set_times(fd, access, change).await
    }

    async fn read(&mut self, fd: Fd, length: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        self.inner.read(fd, length, offset).await
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<types::DirectoryEntryStream>> {
        self.inner.read_directory(fd).await
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        self.inner.sync(fd).await
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<types::DescriptorStat> {
        self.inner.stat(fd).await
    }

    async fn stat_at(
        &mut self,
        fd: Fd,
        flags: types::PathFlags,
        path: String,
    ) -> FsResult<types::DescriptorStat> {
        self.inner.stat_at(fd, flags, path).await
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        flags: types::PathFlags,
        path: String,
        access: types::NewTimestamp,
        change: types::NewTimestamp,
    ) -> FsResult<()> {
        self.inner.set_times_at(fd, flags, path, access, change).await
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        self.inner.readlink_at(fd, path).await
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.inner.remove_directory_at(fd, path).await
    }

    async fn rename_at(&mut self, fd: Fd, old: String, folder: Fd, new: String) -> FsResult<()> {
        self.inner.rename_at(fd, old, folder, new).await
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.inner.unlink_file_at(fd, path).await
    }

    fn read_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynInputStream>> {
        self.inner.read_via_stream(fd, offset)
    }

    async fn is_same_object(&mut self, a: Fd, b: Fd) -> Result<bool> {
        self.inner.is_same_object(a, b).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<types::MetadataHashValue> {
        self.inner.metadata_hash(fd).await
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        flags: types::PathFlags,
        path: String,
    ) -> FsResult<types::MetadataHashValue> {
        self.inner.metadata_hash_at(fd, flags, path).await
    }
}

/// A stream into a file below `/data`.
struct MeteredStream {
    inner: DynOutputStream,
    file: Arc<File>,
    /// Where the next bytes go; `None`: to the end of the file.
    position: Option<u64>,
    quota: Quota,
}

impl MeteredStream {
    fn reserve(&mut self, length: usize) -> StreamResult<()> {
        let failed = |error: std::io::Error| StreamError::LastOperationFailed(error.into());
        let size = self.file.metadata().map_err(failed)?.len();
        let end = self.position.unwrap_or(size).saturating_add(length as u64);
        let full = |Full| failed(rustix::io::Errno::NOSPC.into());
        self.quota.grow(size, end.max(size)).map_err(full)?;
        if let Some(position) = &mut self.position {
            *position = end;
        }
        Ok(())
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for MeteredStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.reserve(bytes.len())?;
        self.inner.write(bytes)
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.reserve(bytes.len())?;
        self.inner.blocking_write_and_flush(bytes).await
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for MeteredStream {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}
