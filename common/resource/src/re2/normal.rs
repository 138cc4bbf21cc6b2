//! RE2's spelling of a pattern, rewritten so that `regex-syntax` reads it as RE2 does: `\Q..\E`, octal escapes,
//! braces that are no repetition, `[` inside a class, and no set operations.

use std::iter::Peekable;
use std::str::Chars;

/// Names of `[:...:]`.
const ASCII_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// The rewritten pattern.
pub(super) fn rewrite(pattern: &str) -> Result<String, String> {
    let mut reader = Reader {
        chars: pattern.chars().peekable(),
    };
    let mut out = String::with_capacity(pattern.len() + 8);
    while let Some(c) = reader.chars.next() {
        match c {
            '\\' => reader.escape(&mut out)?,
            '[' => reader.class(&mut out)?,
            '{' => match reader.repetition() {
                Some(repetition) => out.push_str(&repetition),
                None => out.push_str("\\{"),
            },
            '}' => out.push_str("\\}"),
            ']' => out.push_str("\\]"),
            other => out.push(other),
        }
    }
    Ok(out)
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
}

/// What an escape means.
enum Escape {
    /// One character.
    Char(char),
    /// A class or assertion, in the spelling of `regex-syntax`.
    Other(String),
}

impl Reader<'_> {
    /// After a backslash, outside of a class.
    fn escape(&mut self, out: &mut String) -> Result<(), String> {
        match self.chars.peek() {
            Some('Q') => {
                self.chars.next();
                self.quoted(out);
                return Ok(());
            }
            Some('C') => {
                self.chars.next();
                out.push('.');
                return Ok(());
            }
            _ => {}
        }
        match self.escaped()? {
            Escape::Char(c) => push_literal(out, c),
            Escape::Other(text) => out.push_str(&text),
        }
        Ok(())
    }

    /// `\Q` to `\E` or the end.
    fn quoted(&mut self, out: &mut String) {
        while let Some(c) = self.chars.next() {
            if c == '\\' && self.chars.peek() == Some(&'E') {
                self.chars.next();
                return;
            }
            push_literal(out, c);
        }
    }

    /// The character or class of an escape, its backslash already read.
    fn escaped(&mut self) -> Result<Escape, String> {
        let Some(c) = self.chars.next() else {
            return Err("a backslash at the end".to_owned());
        };
        match c {
            '0'..='7' => self.octal(c).map(Escape::Char),
            'x' => self.hex().map(Escape::Char),
            'a' => Ok(Escape::Char('\u{7}')),
            'f' => Ok(Escape::Char('\u{c}')),
            'n' => Ok(Escape::Char('\n')),
            'r' => Ok(Escape::Char('\r')),
            't' => Ok(Escape::Char('\t')),
            'v' => Ok(Escape::Char('\u{b}')),
            'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'A' | 'z' | 'b' | 'B' => {
                Ok(Escape::Other(format!("\\{c}")))
            }
            'p' | 'P' => self.unicode(c).map(Escape::Other),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(Escape::Char(c)),
            '8' | '9' => Err(format!("it has no back references, as \\{c}")),
            c => Err(format!("it has no escape \\{c}")),
        }
    }

    /// Up to three octal digits; a single one other than 0 would be a back reference.
    fn octal(&mut self, first: char) -> Result<char, String> {
        let mut value = first.to_digit(8).unwrap_or_default();
        let mut digits = 1;
        while digits < 3
            && let Some(digit) = self.chars.peek().and_then(|c| c.to_digit(8))
        {
            self.chars.next();
            value = value * 8 + digit;
            digits += 1;
        }
        if digits == 1 && first != '0' {
            return Err(format!("it has no back references, as \\{first}"));
        }
        latin1(value)
            .ok_or_else(|| "an octal escape may be \\377 at most: Envoy compares bytes".to_owned())
    }

    /// `\xFF` or `\x{FF}`.
    fn hex(&mut self) -> Result<char, String> {
        const WRONG: &str = "\\x needs two hex digits, or {...} up to FF: Envoy compares bytes";
        let mut digits = String::new();
        if self.chars.peek() == Some(&'{') {
            self.chars.next();
            loop {
                match self.chars.next() {
                    Some('}') => break,
                    Some(c) if c.is_ascii_hexdigit() && digits.len() < 8 => digits.push(c),
                    _ => return Err(WRONG.to_owned()),
                }
            }
        } else {
            for _ in 0..2 {
                digits.extend(self.chars.next().filter(char::is_ascii_hexdigit));
            }
            if digits.len() != 2 {
                return Err(WRONG.to_owned());
            }
        }
        u32::from_str_radix(&digits, 16)
            .ok()
            .and_then(latin1)
            .ok_or_else(|| WRONG.to_owned())
    }

    /// `\pL`, `\p{Greek}`, `\p{^Greek}`.
    fn unicode(&mut self, kind: char) -> Result<String, String> {
        let mut name = String::new();
        match self.chars.next() {
            Some('{') => loop {
                match self.chars.next() {
                    Some('}') => break,
                    Some(c) => name.push(c),
                    None => return Err(format!("\\{kind}{{ without }}")),
                }
            },
            Some(letter) => name.push(letter),
            None => return Err(format!("\\{kind} needs a category or script")),
        }
        let (kind, name) = match (name.strip_prefix('^'), kind) {
            (Some(name), 'p') => ('P', name),
            (Some(name), _) => ('p', name),
            (None, kind) => (kind, name.as_str()),
        };
        Ok(format!("\\{kind}{{{name}}}"))
    }

    /// `{n}`, `{n,}` or `{n,m}`, its brace already read; anything else is literal text to RE2.
    fn repetition(&mut self) -> Option<String> {
        let mut ahead = self.chars.clone();
        let mut inside = String::new();
        loop {
            match ahead.next()? {
                '}' => break,
                c if c.is_ascii_digit() || c == ',' => inside.push(c),
                _ => return None,
            }
        }
        let (min, max) = inside.split_once(',').unwrap_or((&inside, ""));
        let number = |text: &str| {
            !text.is_empty() && text.len() < 8 && (text == "0" || !text.starts_with('0'))
        };
        let good = number(min) && (max.is_empty() || number(max)) && !max.contains(',');
        good.then(|| {
            self.chars = ahead;
            format!("{{{inside}}}")
        })
    }

    /// A class, its `[` already read.
    fn class(&mut self, out: &mut String) -> Result<(), String> {
        out.push('[');
        if self.chars.peek() == Some(&'^') {
            self.chars.next();
            out.push('^');
        }
        let mut first = true;
        loop {
            let Some(c) = self.chars.next() else {
                return Err("a [ without ]".to_owned());
            };
            match c {
                ']' if !first => break,
                '[' if self.chars.peek() == Some(&':') => self.ascii_class(out)?,
                c => self.member(c, out)?,
            }
            first = false;
        }
        out.push(']');
        Ok(())
    }

    /// `[:alpha:]`, its `[` already read. Without `:]` the bracket is a character.
    fn ascii_class(&mut self, out: &mut String) -> Result<(), String> {
        let rest: String = self.chars.clone().skip(1).collect();
        let Some((name, _)) = rest.split_once(":]") else {
            return self.member('[', out);
        };
        if !ASCII_CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(format!("there is no class [:{name}:]"));
        }
        out.push_str(&format!("[:{name}:]"));
        for _ in 0..name.chars().count() + 3 {
            self.chars.next();
        }
        Ok(())
    }

    /// A character, an escape or a range of a class, its first character already read.
    fn member(&mut self, first: char, out: &mut String) -> Result<(), String> {
        let low = match first {
            '\\' => match self.escaped()? {
                Escape::Char(c) => c,
                Escape::Other(text) if text.starts_with("\\A") || text.starts_with("\\z") => {
                    return Err(format!("a class cannot have {text}"));
                }
                Escape::Other(text) if text.eq_ignore_ascii_case("\\b") => {
                    return Err(format!("a class cannot have {text}"));
                }
                Escape::Other(text) => {
                    out.push_str(&text);
                    return Ok(());
                }
            },
            c => c,
        };
        let mut ahead = self.chars.clone();
        let range = ahead.next() == Some('-') && ahead.peek().is_some_and(|c| *c != ']');
        if !range {
            push_literal(out, low);
            return Ok(());
        }
        self.chars = ahead;
        let high = match self.chars.next() {
            Some('\\') => match self.escaped()? {
                Escape::Char(c) => c,
                Escape::Other(text) => return Err(format!("a range cannot end with {text}")),
            },
            Some(c) => c,
            None => return Err("a [ without ]".to_owned()),
        };
        if low > high {
            return Err(format!("the range {low}-{high} is empty"));
        }
        push_literal(out, low);
        out.push('-');
        push_literal(out, high);
        Ok(())
    }
}

/// The character of a byte.
fn latin1(value: u32) -> Option<char> {
    u8::try_from(value).ok().map(char::from)
}

/// A character that stands for itself, in and out of classes.
fn push_literal(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || !c.is_ascii() || c == '_' {
        out.push(c);
    } else {
        out.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
    }
}
