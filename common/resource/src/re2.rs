//! Whether a regular expression is one that RE2, Envoy's engine, compiles: one that it does not costs the whole route
//! table (gateway-xds §11.2).
//!
//! Envoy compiles for single bytes (Latin-1), so that a character above U+00FF cannot be written as an escape.
//!
//! RE2's syntax is rewritten into the nearest one that `regex-syntax` parses, and the tree is searched for what RE2 has
//! not. Nothing is matched here.

mod normal;
#[cfg(test)]
mod tests;

use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{
    Ast, ClassUnicode, ClassUnicodeKind, Flag, Flags, FlagsItemKind, GroupKind, HexLiteralKind,
    Literal, LiteralKind, Repetition, RepetitionKind, RepetitionRange,
};

/// RE2's limit of a repetition count, nested ones multiplied.
const MAX_REPEAT: u32 = 1_000;
/// Instructions that RE2's 8 MiB hold, with room to spare.
const MAX_PROGRAM: u64 = 200_000;
/// Rough size of a class, in instructions: Envoy compiles for single bytes, so that no class is large.
const CLASS_SIZE: u64 = 10;

/// General categories of Unicode that RE2 knows beside scripts.
const CATEGORIES: [&str; 37] = [
    "Any", "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn",
    "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm",
    "So", "Z", "Zl", "Zp", "Zs",
];

/// Why RE2 would refuse the pattern.
///
/// # Errors
/// The reason, for the user.
pub fn check(pattern: &str) -> Result<(), String> {
    let normal = normal::rewrite(pattern)?;
    let ast = Parser::new()
        .parse(&normal)
        .map_err(|error| format!("{} in {pattern:?}", error.kind()))?;
    let size = walk(&ast, MAX_REPEAT)?;
    if size > MAX_PROGRAM {
        return Err("it is too large: use smaller repetition counts".to_owned());
    }
    Ok(())
}

/// Instructions of the program, roughly. `budget` is what is left of [`MAX_REPEAT`] here.
fn walk(ast: &Ast, budget: u32) -> Result<u64, String> {
    match ast {
        Ast::Empty(_) => Ok(0),
        Ast::Flags(flags) => check_flags(&flags.flags).map(|()| 0),
        Ast::Literal(literal) => check_literal(literal).map(|()| 1),
        Ast::Dot(_) => Ok(2),
        Ast::Assertion(_) => Ok(1),
        Ast::ClassUnicode(class) => check_unicode(class).map(|()| CLASS_SIZE),
        Ast::ClassPerl(_) => Ok(CLASS_SIZE),
        // Members were checked when the class was rewritten, except the Unicode ones.
        Ast::ClassBracketed(class) => check_members(&class.kind),
        Ast::Repetition(repetition) => check_repetition(repetition, budget),
        Ast::Group(group) => {
            match &group.kind {
                GroupKind::CaptureName { name, .. } if !name.name.bytes().all(is_word) => {
                    return Err(format!(
                        "group name {:?} has characters other than letters, digits and _",
                        name.name
                    ));
                }
                GroupKind::NonCapturing(flags) => check_flags(flags)?,
                GroupKind::CaptureName { .. } | GroupKind::CaptureIndex(_) => {}
            }
            walk(&group.ast, budget).map(|size| size + 2)
        }
        Ast::Alternation(list) => list
            .asts
            .iter()
            .try_fold(0, |sum, ast| Ok(sum + 1 + walk(ast, budget)?)),
        Ast::Concat(list) => list
            .asts
            .iter()
            .try_fold(0, |sum, ast| Ok(sum + walk(ast, budget)?)),
    }
}

fn check_repetition(repetition: &Repetition, budget: u32) -> Result<u64, String> {
    if matches!(*repetition.ast, Ast::Repetition(_)) {
        return Err(
            "a repetition of a repetition, such as a** or a++: put the inner one into a group"
                .to_owned(),
        );
    }
    let count = match &repetition.op.kind {
        RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => None,
        RepetitionKind::Range(
            RepetitionRange::Exactly(max)
            | RepetitionRange::AtLeast(max)
            | RepetitionRange::Bounded(_, max),
        ) => Some(*max),
    };
    let budget = match count {
        Some(count) if count > 0 => budget / count,
        _ => budget,
    };
    if budget == 0 {
        return Err(format!(
            "repetition counts may be {MAX_REPEAT} at most, nested ones multiplied"
        ));
    }
    let size = walk(&repetition.ast, budget)?;
    Ok((size + 1).saturating_mul(u64::from(count.unwrap_or(1).max(1))))
}

fn check_flags(flags: &Flags) -> Result<(), String> {
    for item in &flags.items {
        let name = match &item.kind {
            FlagsItemKind::Flag(Flag::Unicode) => 'u',
            FlagsItemKind::Flag(Flag::CRLF) => 'R',
            FlagsItemKind::Flag(Flag::IgnoreWhitespace) => 'x',
            FlagsItemKind::Flag(
                Flag::CaseInsensitive | Flag::MultiLine | Flag::DotMatchesNewLine | Flag::SwapGreed,
            )
            | FlagsItemKind::Negation => continue,
        };
        return Err(format!("it has no flag {name}; there are i, m, s and U"));
    }
    Ok(())
}

fn check_literal(literal: &Literal) -> Result<(), String> {
    match literal.kind {
        LiteralKind::HexFixed(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong)
        | LiteralKind::HexBrace(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong) => {
            Err("it has no \\u and \\U: write \\x{...}".to_owned())
        }
        _ => Ok(()),
    }
}

fn check_members(set: &regex_syntax::ast::ClassSet) -> Result<u64, String> {
    use regex_syntax::ast::{ClassSet, ClassSetItem};

    let ClassSet::Item(item) = set else {
        return Err("a class has no operations".to_owned());
    };
    let items = match item {
        ClassSetItem::Union(union) => union.items.as_slice(),
        single => std::slice::from_ref(single),
    };
    for item in items {
        if let ClassSetItem::Unicode(class) = item {
            check_unicode(class)?;
        }
    }
    Ok(CLASS_SIZE)
}

/// Categories and scripts by their own names; neither aliases nor other properties.
fn check_unicode(class: &ClassUnicode) -> Result<(), String> {
    let name = match &class.kind {
        ClassUnicodeKind::OneLetter(letter) => letter.to_string(),
        ClassUnicodeKind::Named(name) => name.clone(),
        ClassUnicodeKind::NamedValue { name, .. } => {
            return Err(format!(
                "\\p{{{name}=...}}: only \\p{{Category}} and \\p{{Script}}"
            ));
        }
    };
    if CATEGORIES.contains(&name.as_str()) || is_script(&name) {
        Ok(())
    } else {
        Err(format!(
            "\\p{{{name}}} is neither a category, as Lu, nor a script, as Greek"
        ))
    }
}

fn is_script(name: &str) -> bool {
    // Four letters are an alias (`Latn`), except for the scripts whose name is that short.
    const SHORT: [&str; 8] = [
        "Ahom", "Cham", "Kawi", "Lisu", "Modi", "Newa", "Thai", "Toto",
    ];
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && (name.len() != 4 || SHORT.contains(&name))
        && regex_syntax::Parser::new()
            .parse(&format!("\\p{{sc={name}}}"))
            .is_ok()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
