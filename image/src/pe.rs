//! PE images: a program for the firmware, and more sections for one, which is how a unified kernel image is made of systemd's stub.
//!
//! Written here and not by objcopy so that the same input gives the same bytes: nothing in it depends on time or place. Layout: Microsoft's
//! *PE Format*; meaning of the sections: the UAPI group's *Unified Kernel Image* specification.

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the EFI stub is not a PE32+ image")]
    NotPe,
    #[error("the EFI stub's header has no room for {0} more sections")]
    NoRoom(usize),
    #[error("the section name {0} is longer than 8 bytes")]
    LongName(String),
    #[error("the image would be larger than 4 GiB")]
    TooLarge,
}

const SECTION_HEADER: usize = 40;
const DOS_HEADER: usize = 64;
/// Signature and file header.
const FILE_HEADER: usize = 24;
const OPTIONAL_HEADER: usize = 240;
/// Alignment of sections in memory.
pub const PAGE: u32 = 0x1000;
/// Alignment of sections in the file.
const FILE_ALIGNMENT: u32 = 0x200;
/// IMAGE_SCN_CNT_CODE | IMAGE_SCN_MEM_EXECUTE | IMAGE_SCN_MEM_READ
const CODE: u32 = 0x6000_0020;
/// IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ
const READ_ONLY_DATA: u32 = 0x4000_0040;

/// What a program brings into memory.
pub struct Part<'a> {
    /// From the image's start.
    pub address: u32,
    pub contents: &'a [u8],
    pub is_code: bool,
}

/// A position-independent EFI application for x86-64 of these parts, in ascending order of their addresses, which begin behind the first page.
pub fn program(entry: u32, parts: &[Part<'_>]) -> Result<Vec<u8>, Error> {
    let table = DOS_HEADER + FILE_HEADER + OPTIONAL_HEADER;
    let headers = align((table + parts.len() * SECTION_HEADER) as u32, FILE_ALIGNMENT)?;
    let mut image = vec![0; headers as usize];
    let (mut code, mut data, mut end) = (0u32, 0u32, PAGE);
    for (index, part) in parts.iter().enumerate() {
        let size = u32::try_from(part.contents.len()).map_err(|_| Error::TooLarge)?;
        let raw_size = align(size, FILE_ALIGNMENT)?;
        let offset = u32::try_from(image.len()).map_err(|_| Error::TooLarge)?;
        let (name, flags, sum): (&[u8], u32, &mut u32) = match part.is_code {
            true => (b".text", CODE, &mut code),
            false => (b".rdata", READ_ONLY_DATA, &mut data),
        };
        *sum = sum.checked_add(raw_size).ok_or(Error::TooLarge)?;
        image.extend_from_slice(part.contents);
        image.resize((offset + raw_size) as usize, 0);
        let entry = table + index * SECTION_HEADER;
        put(&mut image, entry, name)?;
        let fields = [(8, size), (12, part.address), (16, raw_size), (20, offset), (36, flags)];
        put_numbers(&mut image, entry, &fields)?;
        end = align(part.address.checked_add(size).ok_or(Error::TooLarge)?, PAGE)?;
    }
    put(&mut image, 0, b"MZ")?;
    put_numbers(&mut image, 0, &[(0x3c, DOS_HEADER as u32)])?;
    let file = DOS_HEADER;
    put(&mut image, file, b"PE\0\0")?;
    // IMAGE_FILE_MACHINE_AMD64, the number of sections, and no time: the same input gives the same bytes.
    put(&mut image, file + 4, &[0x64, 0x86, parts.len() as u8])?;
    // IMAGE_FILE_EXECUTABLE_IMAGE | IMAGE_FILE_LARGE_ADDRESS_AWARE. Nothing says that relocations were removed: there are none to apply.
    put(&mut image, file + 20, &[OPTIONAL_HEADER as u8, 0, 0x22, 0])?;
    let optional = file + FILE_HEADER;
    put(&mut image, optional, &[0x0b, 0x02])?;
    let base_of_code = parts.iter().find(|part| part.is_code).map_or(0, |part| part.address);
    let fields = [
        (4, code),
        (8, data),
        (16, entry),
        (20, base_of_code),
        (32, PAGE),
        (36, FILE_ALIGNMENT),
        (56, end),
        (60, headers),
        // The number of data directories, all of them empty.
        (108, 16),
    ];
    put_numbers(&mut image, optional, &fields)?;
    // IMAGE_SUBSYSTEM_EFI_APPLICATION, IMAGE_DLLCHARACTERISTICS_NX_COMPAT.
    put(&mut image, optional + 68, &[10, 0, 0, 1])?;
    Ok(image)
}

/// `stub` with these sections after its own, in order: pairs of name and contents.
pub fn add_sections(stub: &[u8], sections: &[(&str, &[u8])]) -> Result<Vec<u8>, Error> {
    let header = Header::parse(stub)?;
    let table_end = header.table + (header.count + sections.len()) * SECTION_HEADER;
    if table_end > header.first_data {
        return Err(Error::NoRoom(sections.len()));
    }
    let mut image = stub.to_vec();
    let mut address = align(header.image_size, header.section_alignment)?;
    let mut entry = header.table + header.count * SECTION_HEADER;
    let mut added = 0u32;
    for (name, contents) in sections {
        if name.len() > 8 {
            return Err(Error::LongName((*name).to_owned()));
        }
        let size = u32::try_from(contents.len()).map_err(|_| Error::TooLarge)?;
        let raw_size = align(size, header.file_alignment)?;
        let offset = align(u32::try_from(image.len()).map_err(|_| Error::TooLarge)?, header.file_alignment)?;
        image.resize(offset as usize, 0);
        image.extend_from_slice(contents);
        image.resize((offset as usize) + raw_size as usize, 0);

        put(&mut image, entry, &[0; SECTION_HEADER])?;
        put(&mut image, entry, name.as_bytes())?;
        let fields = [(8, size), (12, address), (16, raw_size), (20, offset), (36, READ_ONLY_DATA)];
        put_numbers(&mut image, entry, &fields)?;
        entry += SECTION_HEADER;
        let end = address.checked_add(size).ok_or(Error::TooLarge)?;
        address = align(end, header.section_alignment)?;
        added = added.checked_add(raw_size).ok_or(Error::TooLarge)?;
    }
    let count = u16::try_from(header.count + sections.len()).map_err(|_| Error::NoRoom(sections.len()))?;
    put(&mut image, header.pe + 6, &count.to_le_bytes())?;
    let initialized = number(stub, header.optional + 8)?.checked_add(added).ok_or(Error::TooLarge)?;
    put(&mut image, header.optional + 8, &initialized.to_le_bytes())?;
    put(&mut image, header.optional + 56, &address.to_le_bytes())?;
    // The checksum is optional for EFI, and the stub's no longer holds.
    put(&mut image, header.optional + 64, &[0; 4])?;
    Ok(image)
}

/// Names and contents of all sections, as the boot loader sees them.
pub fn sections(image: &[u8]) -> Result<Vec<(String, &[u8])>, Error> {
    let header = Header::parse(image)?;
    let section = |index: usize| {
        let entry = header.table + index * SECTION_HEADER;
        let name = image.get(entry..entry + 8).ok_or(Error::NotPe)?;
        let name = String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
        let size = number(image, entry + 8)?.min(number(image, entry + 16)?) as usize;
        let offset = number(image, entry + 20)? as usize;
        Ok((name, image.get(offset..offset + size).ok_or(Error::NotPe)?))
    };
    (0..header.count).map(section).collect()
}

struct Header {
    /// Offset of `PE\0\0`.
    pe: usize,
    /// Offset of the optional header.
    optional: usize,
    /// Offset of the section table.
    table: usize,
    count: usize,
    /// Offset of the first section's data: the end of room for the table.
    first_data: usize,
    section_alignment: u32,
    file_alignment: u32,
    image_size: u32,
}

impl Header {
    fn parse(image: &[u8]) -> Result<Self, Error> {
        let pe = number(image, 0x3c)? as usize;
        let optional = pe + 24;
        let is_pe32_plus = image.get(optional..optional + 2) == Some(&[0x0b, 0x02]);
        if image.get(..2) != Some(b"MZ") || image.get(pe..pe + 4) != Some(b"PE\0\0") || !is_pe32_plus {
            return Err(Error::NotPe);
        }
        let short = |at: usize| {
            let bytes = image.get(at..at + 2).ok_or(Error::NotPe)?;
            Ok::<usize, Error>(bytes.iter().rev().fold(0, |value, byte| (value << 8) | usize::from(*byte)))
        };
        let count = short(pe + 6)?;
        let table = optional + short(pe + 20)?;
        let mut first_data = image.len();
        for index in 0..count {
            let offset = number(image, table + index * SECTION_HEADER + 20)? as usize;
            if offset != 0 {
                first_data = first_data.min(offset);
            }
        }
        Ok(Self {
            pe,
            optional,
            table,
            count,
            first_data,
            section_alignment: number(image, optional + 32)?,
            file_alignment: number(image, optional + 36)?,
            image_size: number(image, optional + 56)?,
        })
    }
}

fn number(bytes: &[u8], at: usize) -> Result<u32, Error> {
    let field = bytes.get(at..at + 4).and_then(|field| field.try_into().ok()).ok_or(Error::NotPe)?;
    Ok(u32::from_le_bytes(field))
}

fn put(image: &mut [u8], at: usize, bytes: &[u8]) -> Result<(), Error> {
    image.get_mut(at..at + bytes.len()).ok_or(Error::NotPe)?.copy_from_slice(bytes);
    Ok(())
}

/// Numbers by their offsets from `at`.
fn put_numbers(image: &mut [u8], at: usize, numbers: &[(usize, u32)]) -> Result<(), Error> {
    numbers.iter().try_for_each(|(offset, value)| put(image, at + offset, &value.to_le_bytes()))
}

fn align(value: u32, alignment: u32) -> Result<u32, Error> {
    value.checked_next_multiple_of(alignment).ok_or(Error::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest image that has a header, one section and room for three.
    fn stub() -> Vec<u8> {
        let mut image = vec![0; 0x400];
        let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"MZ");
        put(0x3c, &0x80u32.to_le_bytes());
        put(0x80, b"PE\0\0");
        put(0x86, &1u16.to_le_bytes());
        put(0x94, &0xf0u16.to_le_bytes());
        put(0x98, &[0x0b, 0x02]);
        put(0x98 + 32, &0x1000u32.to_le_bytes());
        put(0x98 + 36, &0x200u32.to_le_bytes());
        put(0x98 + 56, &0x2000u32.to_le_bytes());
        let table = 0x98 + 0xf0;
        put(table, b".text");
        put(table + 8, &4u32.to_le_bytes());
        put(table + 12, &0x1000u32.to_le_bytes());
        put(table + 16, &0x200u32.to_le_bytes());
        put(table + 20, &0x200u32.to_le_bytes());
        put(0x200, b"code");
        image
    }

    #[test]
    fn added_sections_are_found_again_behind_the_old_ones() {
        let image = add_sections(&stub(), &[(".cmdline", b"quiet"), (".linux", &[7; 5000])]).unwrap();
        let found = sections(&image).unwrap();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [".text", ".cmdline", ".linux"]);
        assert_eq!((found[0].1, found[1].1, found[2].1), (&b"code"[..], &b"quiet"[..], &[7; 5000][..]));
        let header = Header::parse(&image).unwrap();
        assert_eq!(header.image_size, 0x5000, "cmdline at 0x2000, linux at 0x3000 and two pages long");
    }

    #[test]
    fn a_program_has_its_parts_where_they_belong() {
        let parts = [
            Part { address: 0x1000, contents: b"data", is_code: false },
            Part { address: 0x2000, contents: &[0x90; 0x300], is_code: true },
        ];
        let image = program(0x2010, &parts).unwrap();
        let found = sections(&image).unwrap();
        assert_eq!(found, [(".rdata".to_owned(), &b"data"[..]), (".text".to_owned(), &[0x90; 0x300][..])]);
        let header = Header::parse(&image).unwrap();
        assert_eq!((header.image_size, header.first_data), (0x3000, 0x200));
        assert_eq!(number(&image, header.optional + 16).unwrap(), 0x2010);
        let more = add_sections(&image, &[(".sbat", b"sbat,1")]).unwrap();
        assert_eq!(sections(&more).unwrap().len(), 3);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(add_sections(b"MZ", &[]).unwrap_err(), Error::NotPe);
        assert_eq!(
            add_sections(&stub(), &[(".toolongname", b"")]).unwrap_err(),
            Error::LongName(".toolongname".into())
        );
        let many = [(".a", &b""[..]); 4];
        assert_eq!(add_sections(&stub(), &many).unwrap_err(), Error::NoRoom(4));
    }
}
