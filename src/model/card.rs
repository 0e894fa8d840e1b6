//! # What a plug-in says of itself

/// The card of a scanner or detector: shown by `doctor`, `explain` and in the docs.
#[derive(Debug, Clone, Copy)]
pub struct Card {
    /// Its file name; also its name in settings.
    pub id: &'static str,
    pub title: &'static str,
    /// Linux capability without which it does less or nothing (`CAP_NET_RAW`), if any.
    pub needs: Option<&'static str>,
    /// The source of its file; the page is the `//!` text at its top.
    pub page: &'static str,
}

impl Card {
    /// The first paragraph below a heading of the page, on one line.
    #[must_use]
    pub fn section(&self, heading: &str) -> Option<String> {
        let page = self.markdown();
        let (_, below) = page.split_once(&format!("## {heading}\n"))?;
        let lines = below.lines().skip_while(|line| line.is_empty());
        let told: Vec<&str> = lines.take_while(|line| !line.is_empty() && !line.starts_with('#')).collect();
        (!told.is_empty()).then(|| told.join(" "))
    }

    /// Its page in Markdown: the module text of its file. A page that was cut out while compiling
    /// stays as it is.
    #[must_use]
    pub fn markdown(&self) -> String {
        if !self.page.starts_with("//!") {
            return self.page.to_owned();
        }
        let mut text = String::new();
        for line in self.page.lines() {
            let Some(line) = line.strip_prefix("//!") else { break };
            text.push_str(line.strip_prefix(' ').unwrap_or(line));
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_the_module_text_alone() {
        let card = Card { id: "x", title: "X", needs: None, page: "//! # X\n//!\n//! Finds x.\n\nuse y;\n//! no\n" };
        assert_eq!(card.markdown(), "# X\n\nFinds x.\n");
        assert_eq!(Card { page: "# X\n\nFinds x.\n", ..card }.markdown(), "# X\n\nFinds x.\n");
    }
}
