//! [`Attachment`].

use std::fmt;

use serde::Serialize;

use super::json::Object;

/// A file that was sent with a message. `Debug` output shows only its media type and size.
///
/// All fields are untrusted. Do not use `name` as a path, and do not fetch `url` without checking
/// it.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(into = "AttachmentRepr")]
#[non_exhaustive]
pub struct Attachment {
    /// The kind, usually `file`.
    pub kind: Option<String>,
    /// The URL of the file.
    pub url: Option<String>,
    /// The file name.
    pub name: Option<String>,
    /// The media type.
    pub mime_type: Option<String>,
    /// The size in bytes.
    pub size: Option<u64>,
    /// The file extension, without a dot.
    pub extension: Option<String>,
}

impl Attachment {
    pub(super) fn decode(attachment: &Object<'_>) -> Self {
        let content = attachment.object("content").unwrap_or_default();
        let file = content.object("file").unwrap_or_default();
        Self {
            kind: attachment.string("type"),
            url: file.string("url"),
            name: file.string("name"),
            mime_type: file.string("mimeType"),
            size: file.integer("size"),
            extension: file.string("extension"),
        }
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("mime_type", &self.mime_type)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// The wire format, which nests the file two levels deep.
#[derive(Serialize)]
struct AttachmentRepr {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    content: ContentRepr,
}

#[derive(Serialize)]
struct ContentRepr {
    file: FileRepr,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileRepr {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extension: Option<String>,
}

impl From<Attachment> for AttachmentRepr {
    fn from(attachment: Attachment) -> Self {
        let Attachment { kind, url, name, mime_type, size, extension } = attachment;
        let file = FileRepr { url, name, mime_type, size, extension };
        Self { kind, content: ContentRepr { file } }
    }
}
