//! Office files: archives of XML.

use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::loader::Unreadable;

/// Bytes of all parts that are read, unpacked: a small archive may unpack to any size.
const MAX_UNPACKED: u64 = 64 << 20;

/// An Office file whose parts are read by name.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    kind: &'static str,
    left: u64,
}

impl<'a> Package<'a> {
    /// Opens a file of this kind, such as `Word file`.
    ///
    /// # Errors
    /// An empty file, or one that is no archive: the older forms (.doc, .ppt) are none.
    pub fn open(bytes: &'a [u8], kind: &'static str) -> Result<Self, Unreadable> {
        if bytes.is_empty() {
            return Err(Unreadable::Empty);
        }
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unreadable::Broken(kind))?;
        Ok(Self { archive, kind, left: MAX_UNPACKED })
    }

    /// A part, if there is one of this name.
    ///
    /// # Errors
    /// A broken part, or parts that are larger together than may be.
    pub fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        let Some(index) = self.archive.index_for_name(name) else { return Ok(None) };
        self.part_at(index).map(Some)
    }

    /// A part that must be there.
    ///
    /// # Errors
    /// As [`Package::part`], and one that is not there.
    pub fn required(&mut self, name: &str) -> Result<Vec<u8>, Unreadable> {
        self.part(name)?.ok_or(Unreadable::Broken(self.kind))
    }

    /// Unpacks everything once, so that a library may do it again.
    ///
    /// # Errors
    /// As [`Package::part`].
    pub fn check(&mut self) -> Result<(), Unreadable> {
        (0..self.archive.len()).try_for_each(|index| self.part_at(index).map(drop))
    }

    fn part_at(&mut self, index: usize) -> Result<Vec<u8>, Unreadable> {
        let broken = || Unreadable::Broken(self.kind);
        let file = self.archive.by_index(index).map_err(|_| broken())?;
        let mut bytes = Vec::new();
        file.take(self.left + 1).read_to_end(&mut bytes).map_err(|_| broken())?;
        let unpacked = bytes.len() as u64;
        self.left = self.left.checked_sub(unpacked).ok_or(Unreadable::TooMuch {
            limit: (MAX_UNPACKED >> 20) as usize,
            what: "MiB when it is unpacked",
        })?;
        Ok(bytes)
    }
}

/// What stands in XML, in order. Names are without their prefixes.
pub(super) enum Node<'a> {
    /// An element begins.
    Start(&'a [u8], &'a BytesStart<'a>),
    /// An element ends.
    End(&'a [u8]),
    /// Text.
    Text(&'a str),
}

/// Walks through XML. References other than characters and XML's own five are left out: a document type may
/// not define any.
///
/// # Errors
/// XML that is broken.
pub(super) fn walk(xml: &[u8], kind: &'static str, mut see: impl FnMut(Node)) -> Result<(), Unreadable> {
    let broken = || Unreadable::Broken(kind);
    let mut reader = Reader::from_reader(xml);
    reader.config_mut().expand_empty_elements = true;
    loop {
        match reader.read_event().map_err(|_| broken())? {
            Event::Start(start) => see(Node::Start(start.local_name().as_ref(), &start)),
            Event::End(end) => see(Node::End(end.local_name().as_ref())),
            Event::Text(text) => see(Node::Text(&text.xml10_content().map_err(|_| broken())?)),
            Event::CData(text) => see(Node::Text(&text.xml10_content().map_err(|_| broken())?)),
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|_| broken())?;
                match reference.resolve_char_ref().map_err(|_| broken())? {
                    Some(character) => see(Node::Text(character.encode_utf8(&mut [0; 4]))),
                    None => see(Node::Text(resolve_predefined_entity(&name).unwrap_or_default())),
                }
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}
