//! As much of Python's expressions as the recorded lambdas use.

use std::iter::Peekable;
use std::vec::IntoIter;

/// Evaluates `source`, an expression of one variable or a `lambda` of one, at `t`.
pub(crate) fn evaluate(source: &str, t: f64) -> f64 {
    let body = if source.trim_start().starts_with("lambda") { source.split_once(':').unwrap().1 } else { source };
    let mut parser = Parser { tokens: tokens(body).into_iter().peekable(), t };
    let value = parser.ternary();
    assert_eq!(parser.tokens.next(), None, "{source:?}: not understood to its end");
    value
}

fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::<String>::new();
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        let len = if first.is_ascii_digit() || first == '.' {
            let exponent = |i: usize| rest[..i].ends_with(['e', 'E']);
            rest.char_indices()
                .find(|&(i, c)| !(c.is_ascii_digit() || ".eE".contains(c) || ("+-".contains(c) && exponent(i))))
                .map_or(rest.len(), |(i, _)| i)
        } else if first.is_alphabetic() || first == '_' {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len())
        } else if ["**", "//", "<=", ">=", "==", "!="].iter().any(|op| rest.starts_with(op)) {
            2
        } else {
            1
        };
        tokens.push(rest[..len].to_owned());
        rest = rest[len..].trim_start();
    }
    tokens
}

struct Parser {
    tokens: Peekable<IntoIter<String>>,
    t: f64,
}

impl Parser {
    fn accept(&mut self, wanted: &[&str]) -> Option<String> {
        self.tokens.next_if(|token| wanted.contains(&token.as_str()))
    }

    fn ternary(&mut self) -> f64 {
        let value = self.comparison();
        if self.accept(&["if"]).is_none() {
            return value;
        }
        let condition = self.comparison();
        assert!(self.accept(&["else"]).is_some());
        let other = self.ternary();
        if condition == 0.0 { other } else { value }
    }

    fn comparison(&mut self) -> f64 {
        let left = self.sum();
        let Some(op) = self.accept(&["<", "<=", ">", ">=", "==", "!="]) else { return left };
        let right = self.sum();
        f64::from(match op.as_str() {
            "<" => left < right,
            "<=" => left <= right,
            ">" => left > right,
            ">=" => left >= right,
            "==" => left == right,
            _ => left != right,
        })
    }

    fn sum(&mut self) -> f64 {
        let mut left = self.product();
        while let Some(op) = self.accept(&["+", "-"]) {
            let right = self.product();
            left = if op == "+" { left + right } else { left - right };
        }
        left
    }

    fn product(&mut self) -> f64 {
        let mut left = self.unary();
        while let Some(op) = self.accept(&["*", "/", "//", "%"]) {
            let right = self.unary();
            left = match op.as_str() {
                "*" => left * right,
                "/" => left / right,
                "//" => (left / right).floor(),
                _ => left - right * (left / right).floor(),
            };
        }
        left
    }

    fn unary(&mut self) -> f64 {
        if self.accept(&["-"]).is_some() {
            return -self.unary();
        }
        let base = self.atom();
        if self.accept(&["**"]).is_some() { base.powf(self.unary()) } else { base }
    }

    fn atom(&mut self) -> f64 {
        let token = self.tokens.next().expect("an operand");
        if token == "(" {
            let value = self.ternary();
            assert!(self.accept(&[")"]).is_some());
            return value;
        }
        if let Ok(number) = token.parse() {
            return number;
        }
        if self.accept(&["("]).is_none() {
            return if token == "math.pi" { std::f64::consts::PI } else { self.t };
        }
        let mut arguments = vec![self.ternary()];
        while self.accept(&[","]).is_some() {
            arguments.push(self.ternary());
        }
        assert!(self.accept(&[")"]).is_some());
        match (token.trim_start_matches("math."), arguments.as_slice()) {
            ("cos", [x]) => x.cos(),
            ("sin", [x]) => x.sin(),
            ("exp", [x]) => x.exp(),
            ("log", [x]) => x.ln(),
            ("sqrt", [x]) => x.sqrt(),
            ("floor", [x]) => x.floor(),
            ("ceil", [x]) => x.ceil(),
            ("int", [x]) => x.trunc(),
            ("float", [x]) => *x,
            ("abs", [x]) => x.abs(),
            ("pow", [x, y]) => x.powf(*y),
            ("min", all) => all.iter().copied().fold(f64::INFINITY, f64::min),
            ("max", all) => all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            (name, _) => panic!("{name}: a function the test does not know"),
        }
    }
}

#[test]
fn speaks_enough_python() {
    assert_eq!(evaluate("0.95 ** t", 2.0), 0.95_f64.powi(2));
    assert_eq!(evaluate("lambda e: 1e-1 / (1 + 2*(e - 1))", 3.0), 0.02);
    assert_eq!(evaluate("0.5 if t < 10 else -2 ** 2", 10.0), -4.0);
    assert_eq!(evaluate("max(0, 1 - t // 3)", 7.0), 0.0);
    assert_eq!(evaluate("math.cos(math.pi * t) % 3", 1.0), 2.0);
}
