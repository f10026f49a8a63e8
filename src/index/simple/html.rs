//! Project pages in HTML (PEP 503 with the attributes of PEP 592, 658, 714 and 792).

use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use pinsmith_resolver::CoreMetadataHint;

use super::{Listed, ListedFile, PageError, ProjectStatus};

pub(super) fn listed_files(bytes: &[u8]) -> Result<Listed, PageError> {
    let mut reader = PageReader::default();
    let on_event = |event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
        reader.event(&event);
        None
    };
    let mut emitter = CallbackEmitter::new(on_event);
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(bytes, emitter).for_each(drop);
    reader.finish()
}

/// Collects anchors while the tokenizer runs; no tree is built.
#[derive(Default)]
struct PageReader {
    listed: Listed,
    anchor: Anchor,
    tag: Tag,
    attribute: Attribute,
    older_metadata: Option<String>,
    newer_metadata: Option<String>,
    title: String,
    names_itself: bool,
    meta: Meta,
    /// Of the API (PEP 629).
    version: Option<String>,
    status: Option<String>,
    status_reason: Option<String>,
}

/// Name and content of the `<meta>` that is being read, in either order.
#[derive(Default)]
struct Meta {
    name: String,
    content: String,
}

#[derive(Default)]
struct Anchor {
    has_href: bool,
    file: ListedFile,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Anchor,
    Base,
    Title,
    Heading,
    Meta,
    #[default]
    Other,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Attribute {
    Href,
    RequiresPython,
    Yanked,
    CoreMetadata,
    DistInfoMetadata,
    UploadTime,
    Size,
    MetaName,
    MetaContent,
    #[default]
    Other,
}

impl PageReader {
    fn event(&mut self, event: &CallbackEvent<'_>) {
        match *event {
            CallbackEvent::OpenStartTag { name } => self.open(name),
            CallbackEvent::AttributeName { name } => self.attribute_name(name),
            CallbackEvent::AttributeValue { value } => {
                self.attribute_value(String::from_utf8_lossy(value).into_owned());
            }
            CallbackEvent::CloseStartTag { .. } => self.close(),
            CallbackEvent::EndTag { .. } => self.tag = Tag::Other,
            CallbackEvent::String { value } => self.text(value),
            CallbackEvent::Comment { .. }
            | CallbackEvent::Doctype { .. }
            | CallbackEvent::Error(_) => {}
        }
    }

    fn open(&mut self, name: &[u8]) {
        self.tag = match name {
            b"a" => Tag::Anchor,
            b"base" => Tag::Base,
            b"title" => Tag::Title,
            b"h1" => Tag::Heading,
            b"meta" => Tag::Meta,
            _ => Tag::Other,
        };
        self.attribute = Attribute::Other;
    }

    /// An attribute without a value, such as a bare `data-yanked`, gets no value event.
    fn attribute_name(&mut self, name: &[u8]) {
        self.attribute = match name {
            b"href" => Attribute::Href,
            b"data-requires-python" => Attribute::RequiresPython,
            b"data-yanked" => Attribute::Yanked,
            b"data-core-metadata" => Attribute::CoreMetadata,
            b"data-dist-info-metadata" => Attribute::DistInfoMetadata,
            b"data-upload-time" => Attribute::UploadTime,
            b"data-size" => Attribute::Size,
            b"name" => Attribute::MetaName,
            b"content" => Attribute::MetaContent,
            _ => Attribute::Other,
        };
        if self.attribute == Attribute::Yanked {
            self.anchor.file.yanked.get_or_insert_default();
        }
    }

    fn attribute_value(&mut self, value: String) {
        match (self.tag, self.attribute) {
            (Tag::Anchor, Attribute::Href) => {
                self.anchor.has_href = true;
                self.anchor.file.href = value;
            }
            (Tag::Base, Attribute::Href) => {
                self.listed.base.get_or_insert(value);
            }
            (Tag::Meta, Attribute::MetaName) => {
                self.names_itself |= value.starts_with("pypi:");
                self.meta.name = value;
            }
            (Tag::Meta, Attribute::MetaContent) => self.meta.content = value,
            (Tag::Anchor, Attribute::RequiresPython) => {
                self.anchor.file.requires_python = Some(value);
            }
            (Tag::Anchor, Attribute::Yanked) => self.anchor.file.yanked = Some(value),
            (Tag::Anchor, Attribute::UploadTime) => self.anchor.file.uploaded = Some(value),
            (Tag::Anchor, Attribute::Size) => self.anchor.file.size = value.trim().parse().ok(),
            (Tag::Anchor, Attribute::CoreMetadata) => self.newer_metadata = Some(value),
            (Tag::Anchor, Attribute::DistInfoMetadata) => self.older_metadata = Some(value),
            _ => {}
        }
    }

    fn close(&mut self) {
        let meta = std::mem::take(&mut self.meta);
        match meta.name.as_str() {
            "pypi:repository-version" => self.version = Some(meta.content),
            "pypi:project-status" => self.status = Some(meta.content),
            "pypi:project-status-reason" => self.status_reason = Some(meta.content),
            _ => {}
        }
        let anchor = std::mem::take(&mut self.anchor);
        let newer = self.newer_metadata.take();
        let metadata = newer.or(self.older_metadata.take());
        if self.tag == Tag::Anchor && anchor.has_href {
            let mut file = anchor.file;
            if let Some(metadata) = metadata {
                file.core_metadata = metadata_hint(&metadata);
            }
            self.listed.files.push(file);
        }
    }

    fn text(&mut self, value: &[u8]) {
        match self.tag {
            Tag::Title if self.title.is_empty() => {
                self.title = super::display_text(&String::from_utf8_lossy(value));
                self.names_itself |= self.title.to_lowercase().contains("links for");
            }
            Tag::Heading => {
                let text = String::from_utf8_lossy(value).to_lowercase();
                self.names_itself |= text.contains("links for");
            }
            _ => {}
        }
    }

    /// A page counts when it lists at least one archive or says that it is a project page.
    fn finish(mut self) -> Result<Listed, PageError> {
        super::check_version(self.version.as_deref().unwrap_or("1.0"))?;
        let reason = self.status_reason.as_deref();
        let status = self.status.as_deref();
        self.listed.status = status.and_then(|status| ProjectStatus::new(status, reason));
        if self.names_itself || self.listed.files.iter().any(|file| is_archive(&file.href)) {
            return Ok(self.listed);
        }
        Err(PageError::NotAProjectPage {
            title: Some(self.title).filter(|title| !title.is_empty()),
        })
    }
}

/// `true`, `false` or `sha256=HEX` (PEP 714).
fn metadata_hint(value: &str) -> CoreMetadataHint {
    let value = value.trim();
    if value.eq_ignore_ascii_case("false") {
        return CoreMetadataHint::Absent;
    }
    super::fragment_sha256(Some(value))
        .map_or(CoreMetadataHint::Available, CoreMetadataHint::Hashed)
}

/// Whether a link looks like any kind of distribution, wanted or not.
fn is_archive(href: &str) -> bool {
    const ENDINGS: [&str; 11] = [
        ".whl", ".tar.gz", ".tgz", ".zip", ".egg", ".exe", ".msi", ".rpm", ".tar.bz2", ".tar.xz",
        ".tar.Z",
    ];
    let path = href.split(['#', '?']).next().unwrap_or("");
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}
