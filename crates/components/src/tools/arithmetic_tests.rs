use super::*;

/// What Python 3 with numexpr 2.8 gives.
#[test]
fn it_calculates_and_prints_as_python_does() {
    let cases = [
        ("37593 * 67", "2518731"),
        ("37593**(1/5)", "8.222831614237718"),
        ("3**4", "81"),
        ("2**3**2", "512"),
        ("-2**2", "-4"),
        ("2**-1", "0.5"),
        ("(-1)**100000000000", "1"),
        ("7/2", "3.5"),
        ("6/2", "3.0"),
        ("7//2", "3"),
        ("-7//2", "-4"),
        ("-7%3", "2"),
        ("7%-3", "-2"),
        ("-7.5%2", "0.5"),
        ("7.5//2", "3.0"),
        ("1e16", "1e+16"),
        ("1e15", "1000000000000000.0"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        (".5+1.", "1.5"),
        ("0.1+0.2", "0.30000000000000004"),
        ("1.5e300*10", "1.5e+301"),
        ("sqrt(16)", "4.0"),
        ("abs(-3)", "3"),
        ("floor(7/2) + ceil(0.2)", "4.0"),
        ("round(2.5) + round(3.5)", "6.0"),
        ("2*pi", "6.283185307179586"),
        ("log(e)", "1.0"),
        ("log10(1000)", "3.0"),
        ("arctan2(1, 1)", "0.7853981633974483"),
        (" ( 1 + 2 ) * - 3 ", "-9"),
        ("2 * 3 - 4 - 5", "-3"),
        ("10**30 // 10**29", "10"),
        ("3 > 2", "True"),
        ("1 + 1 >= 3", "False"),
        ("0.5 == 1/2", "True"),
        ("2 != 2", "False"),
        ("(3 > 2) & (2 > 3)", "False"),
        ("(3 > 2) | (2 > 3)", "True"),
        ("6 & 3 | 8", "10"),
        ("where(3 > 2, 10, 20)", "10"),
    ];
    for (expression, value) in cases {
        assert_eq!(evaluate(expression).as_deref(), Ok(value), "{expression}");
    }
}

#[test]
fn what_has_no_value_says_why() {
    let cases = [
        ("", ArithmeticError::End),
        ("1 +", ArithmeticError::End),
        ("(1", ArithmeticError::End),
        ("1 2", ArithmeticError::Unexpected("2".into())),
        ("1)", ArithmeticError::Unexpected(")".into())),
        ("é", ArithmeticError::Unknown("é".into())),
        ("3 ^ 4", ArithmeticError::Caret),
        ("(3 ^ 4)", ArithmeticError::Caret),
        ("open('x')", ArithmeticError::Unexpected("'x')".into())),
        ("__import__", ArithmeticError::Unknown("__import__".into())),
        ("foo(1)", ArithmeticError::Unknown("foo".into())),
        ("sqrt(1, 2)", ArithmeticError::Arguments("sqrt", 1)),
        ("1/0", ArithmeticError::ZeroDivision),
        ("1%0", ArithmeticError::ZeroDivision),
        ("1//0.0", ArithmeticError::ZeroDivision),
        ("0**-1", ArithmeticError::ZeroDivision),
        ("9**9**9**9", ArithmeticError::Overflow),
        ("10.0**400", ArithmeticError::Overflow),
        ("1 < 2 < 3", ArithmeticError::Unexpected("< 3".into())),
        ("1.5 & 2", ArithmeticError::NotWhole),
        ("sqrt(-1)", ArithmeticError::NotReal),
        ("(-8)**(1/3)", ArithmeticError::NotReal),
    ];
    for (expression, error) in cases {
        assert_eq!(evaluate(expression), Err(error), "{expression}");
    }
    for nested in ["(", "-", "sqrt(", "2**"] {
        assert_eq!(evaluate(&nested.repeat(300)), Err(ArithmeticError::TooDeep), "{nested}");
    }
    assert_eq!(evaluate(&"1".repeat(5000)), Err(ArithmeticError::TooLong));
}
