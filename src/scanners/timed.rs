//! # Settings of a scanner that only has a clock
//!
//! Most scanners can be switched off and be told how often they look, and nothing else.

/// `Settings` with `enabled` and `interval`; what the interval means is said by the scanner.
macro_rules! timed {
    ($(#[$of:meta])+ Settings $(#[$means:meta])+ interval: $usually:expr) => {
        $(#[$of])+
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings {
            pub enabled: bool,
            $(#[$means])+
            pub interval: $crate::model::Span,
        }

        impl Default for Settings {
            fn default() -> Self {
                Settings { enabled: true, interval: $usually }
            }
        }
    };
}
pub(crate) use timed;
