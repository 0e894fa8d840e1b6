//! # Closed vocabularies
//!
//! One macro for enums whose words outside are fixed: it writes the enum, `ALL`, `word()`,
//! `Display` and `FromStr`, so that a word is spelled in one place.

/// `words! { /// doc  pub enum Trust { Trusted = "trusted", … } }`
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }
        impl $name {
            /// Every value, in the order of the declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The word outside (JSON, MQTT, settings).
            #[must_use]
            pub const fn word(self) -> &'static str { match self { $($name::$variant => $word),+ } }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(self.word()) }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text { $($word => Ok($name::$variant),)+
                    _ => Err(format!("`{text}` is none of {}", [$($word),+].join(", "))) }
            }
        }
    };
}
pub(crate) use words;
