//! One table per number space: constants, names, and what a number without a name looks like.

/// Defines the constants of a number space, their names both ways, and `Display`, from one table.
macro_rules! registry {
    ($type:ident, $unnamed:literal { $($(#[$doc:meta])* $constant:ident = $value:literal, $name:literal;)* }) => {
        impl $type {
            $(
                #[doc = concat!("`", $name, "`.")]
                $(#[$doc])*
                pub const $constant: Self = Self($value);
            )*

            /// Every number that has a name, in the order of the registry.
            pub const REGISTERED: &'static [Self] = &[$(Self::$constant),*];

            /// The registered name; `None` where this crate knows none.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }

            /// Finds a number by its registered name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$constant),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, $unnamed, self.0),
                }
            }
        }
    };
}
