/// A message as a caller reads it. Not the codec of the product: a fault in that one must not hide itself here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Keys and values in their order.
    pub fields: Vec<(String, String)>,
    /// Whether the empty line was there.
    pub ended: bool,
}

impl Answer {
    /// The message at the beginning of `text`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::read(text).unwrap_or_else(|line| panic!("no `=` in line {line} of an answer"))
    }

    /// The message at the beginning of `text`, or the number of its first line without `=`.
    pub(crate) fn read(text: &str) -> Result<Self, usize> {
        let mut fields = Vec::new();
        for (index, line) in text.split_terminator('\n').enumerate() {
            if line.is_empty() {
                return Ok(Self { fields, ended: true });
            }
            let (key, value) = line.split_once('=').ok_or(index + 1)?;
            fields.push((key.to_owned(), value.to_owned()));
        }
        Ok(Self { fields, ended: false })
    }

    /// The last value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// All values of `key`.
    #[must_use]
    pub fn all(&self, key: &str) -> Vec<&str> {
        self.fields.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str()).collect()
    }

    /// The keys alone.
    #[must_use]
    pub fn keys(&self) -> Vec<&str> {
        self.fields.iter().map(|(key, _)| key.as_str()).collect()
    }
}

/// A request for `host`, with further lines.
#[must_use]
pub fn request(host: &str, lines: &[&str]) -> String {
    let mut text = format!("protocol=https\nhost={host}\n");
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text
}
