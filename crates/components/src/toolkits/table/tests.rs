use serde_json::Value as Json;

use super::*;

/// What pandas 2.2 prints for queries of ours over tables of ours.
const PANDAS: &str = include_str!("../../../tests/data/pandas.json");

fn table(csv: &str) -> Frame {
    read(csv.as_bytes()).unwrap().0
}

fn answer(frame: &Frame, text: &str) -> String {
    Session::of(frame).answer(text)
}

fn people() -> Frame {
    let pandas: Json = serde_json::from_str(PANDAS).unwrap();
    table(pandas["people"].as_str().unwrap())
}

#[test]
fn answers_are_those_of_pandas() {
    let pandas: Json = serde_json::from_str(PANDAS).unwrap();
    let mut wrong = Vec::new();
    let cases = pandas["cases"].as_array().unwrap();
    for case in cases {
        let frame = table(pandas[case["table"].as_str().unwrap()].as_str().unwrap());
        let query = case["query"].as_str().unwrap();
        let (found, expected) = (answer(&frame, query), case["answer"].as_str().unwrap());
        if found != expected {
            wrong.push(format!("{query}\n--- found\n{found}\n--- pandas\n{expected}\n"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Names and changes of the table stay from question to question.
#[test]
fn one_question_follows_another() {
    let pandas: Json = serde_json::from_str(PANDAS).unwrap();
    for steps in pandas["sessions"].as_array().unwrap() {
        let mut session = Session::of(&people());
        for step in steps.as_array().unwrap() {
            let (query, expected) = (step["query"].as_str().unwrap(), step["answer"].as_str().unwrap());
            let found = session.answer(query);
            let found = if found.starts_with("Done.") { "" } else { &found };
            assert_eq!(found, expected, "{query}");
        }
    }
    let mut session = Session::of(&people());
    assert!(session.answer("x = 1\ny = nope").starts_with("NameError"));
    assert_eq!(session.answer("x"), "1");
}

#[test]
fn what_names_keep_is_bounded() {
    let mut session = Session::of(&table(&format!("a\n{}", "word\n".repeat(200_000))));
    let mut line = |at: usize| session.answer(&format!("x{at} = df['a'] + '{}'", "y".repeat(60)));
    let refused = (0..60).map(&mut line).find(|said| said.starts_with("MemoryError: the names hold more"));
    assert!(refused.is_some());
    assert_eq!(session.answer("len(df)"), "200000");
    assert_eq!(session.answer("len(x0)"), "200000");
}

#[test]
fn code_is_read_as_models_write_it() {
    let cases = [
        ("```python\nlen(df)\n```", "7"),
        ("`len(df)`", "7"),
        (">>> len(df)", "7"),
        ("print(len(df))", "7\n"),
        ("import pandas as pd\ndf = pd.read_csv('x.csv')", "NotSupported"),
        ("a = 1\nb = 2", "Done."),
        ("len(  # rows\n  df\n)", "7"),
        ("a, b = 1, 2", "NotSupported"),
        ("df[\n    df['age'] > 50\n]['name'].item()", "Frank"),
        ("df.info()", "<class 'pandas.core.frame.DataFrame'>\nRangeIndex: 7 entries, 0 to 6\n"),
        ("print('a'); print('b', 1, sep='-')", "a\nb-1\n"),
    ];
    let frame = people();
    for (code, expected) in cases {
        let found = answer(&frame, code);
        assert!(found.starts_with(expected), "{code}: {found}");
    }
}

#[test]
fn mistakes_are_answered_in_pythons_words() {
    let cases = [
        ("df['nope']", "KeyError: 'nope'"),
        ("df[['nope']]", "KeyError: "),
        ("df.groupby('nope').size()", "KeyError: 'nope'"),
        ("df.iloc[99]", "IndexError: single positional indexer is out-of-bounds"),
        ("df.loc[99]", "KeyError: 99"),
        ("nope", "NameError: name 'nope' is not defined"),
        ("df.nope", "AttributeError: 'DataFrame' object has no attribute 'nope'"),
        ("df['name'].mean()", "TypeError: could not convert the texts of 'name' to numbers"),
        ("df['age'] + 'x'", "TypeError: unsupported operand type(s) for +: 'int' and 'str'"),
        ("df['name'] > 1", "TypeError: '>' not supported between instances of 'str' and 'int'"),
        ("df['age'].str.lower()", "AttributeError: Can only use .str accessor"),
        ("df[df['age'] > 1 and df['age'] < 9]", "ValueError: The truth value of a Series is ambiguous"),
        ("df[df['age']", "SyntaxError: "),
        ("df['age'", "SyntaxError: "),
        ("1 +", "SyntaxError: "),
        ("'open", "SyntaxError: a string does not end"),
        ("df['name'].str.contains('(')", "ValueError: "),
        ("df['name'].astype(int)", "ValueError: invalid literal for int() with base 10: 'Alice'"),
        ("df.head('x')", "TypeError: n must be an integer, not str"),
        ("df[::0]", "ValueError: slice step cannot be zero"),
    ];
    let frame = people();
    for (code, expected) in cases {
        let found = answer(&frame, code);
        assert!(found.starts_with(expected), "{code}: {found}");
    }
}

/// Nothing is executed: what is no question about the table says what is.
#[test]
fn programs_are_refused_with_what_can_be_asked() {
    let cases = [
        "__import__('os').system('ls')",
        "open('/etc/passwd').read()",
        "eval('1')",
        "for i in range(3): print(i)",
        "def f(): pass",
        "df.to_csv('x.csv')",
        "df.plot()",
        "df.merge(df)",
        "pd.read_csv('/etc/passwd')",
        "df.eval('age + 1')",
        "df.sample(2)",
        "[x for x in df['age'] for y in df['age']]",
        "print(x for x in df['age'])",
        "df['age'].apply(lambda x: None)",
        "df['age'].mean(foo=1)",
        "df.groupby('city', level=0).size()",
        "df.sort_values('age', na_position='first')",
        "df.head(1, 2)",
        "pd.to_datetime(df['name'])",
        "pd.to_datetime(df['joined']) + 1",
        "pd.to_datetime(df['joined']).mean()",
        "df['joined'].str.split('-').value_counts()",
        "df['name'].shift(1)",
        "np.where(df['age'] > 30, 'x', 1)",
        "df.columns.str.upper()",
        "df['name'].str.split('[ab]')",
        "f'{len(df):{3}}'",
    ];
    let frame = people();
    for code in cases {
        let found = answer(&frame, code);
        assert!(
            found.starts_with("NotSupported: ") && found.contains("df.groupby") || found.contains("groupby("),
            "{code}: {found}"
        );
    }
    for code in ["import os\nos.getcwd()", "df.__class__", "().__class__.__bases__", "globals()"] {
        let found = answer(&frame, code);
        let refused = ["NameError", "AttributeError", "NotSupported", "TypeError"];
        assert!(refused.iter().any(|word| found.starts_with(word)), "{code}: {found}");
    }
}

#[test]
fn work_and_answers_are_bounded() {
    let frame = people();
    let doubling = format!("s = df['name']\n{}s.head(1)", "s = s + s\n".repeat(900));
    assert!(answer(&frame, &doubling).starts_with("MemoryError"));
    let text = format!("s = 'ab'\n{}s", "s = s + s\n".repeat(900));
    assert!(answer(&frame, &text).starts_with("MemoryError"));
    let list = format!("l = [1, 2]\n{}len(l)", "l = l + l\n".repeat(900));
    assert!(answer(&frame, &list).starts_with("MemoryError"));
    let deep = format!("{}1{}", "(".repeat(4_000), ")".repeat(4_000));
    assert!(answer(&frame, &deep).starts_with("SyntaxError"));
    assert!(answer(&frame, &format!("1{}", "+1".repeat(4_000))).starts_with("SyntaxError"));
    assert!(answer(&frame, &format!("df{}", ".head()".repeat(1_000))).starts_with("SyntaxError"));
    assert_eq!(answer(&frame, &format!("1{}", "+1".repeat(150))), "151");
    assert_eq!(answer(&frame, &format!("len(df{})", ".head()".repeat(70))), "5");
    assert!(answer(&frame, &"-".repeat(9_000)).starts_with("SyntaxError"));
    assert!(answer(&frame, &"x".repeat(20_000)).starts_with("SyntaxError: the input is longer"));
    let long = answer(&table(&format!("a\n{}", "word\n".repeat(9_000))), "df['a'].tolist()");
    assert!(long.len() < 17_000 && long.ends_with("characters)"), "{}", long.len());
    for endless in
        ["f(1)", "[f(y) for y in [1]]", "df.apply(lambda r: f(r), axis=1)", "max(1, f(x) if x else 0)"]
    {
        let found = answer(&frame, &format!("f = lambda x: {endless}\nf(1)"));
        assert!(found.starts_with("RecursionError"), "{endless}: {found}");
    }
    let texts = format!("a = 'x'\n{}[a for i in range(200000)]", "a = a + a\n".repeat(23));
    assert!(answer(&frame, &texts).starts_with("MemoryError"));
    let lists = format!("a = list(range(200000))\n[{}]", "a,".repeat(2_000));
    assert!(answer(&frame, &lists).starts_with("MemoryError"));
    assert!(
        answer(&frame, "[len([y for y in range(9999)]) for x in range(99999)]").starts_with("MemoryError")
    );
    assert!(answer(&frame, "f'{1:>99999999}'").starts_with("MemoryError"));
    assert_eq!(answer(&frame, "2 ** 10 ** 10"), "inf");
    assert_eq!(answer(&frame, "1 / 0"), "inf");
}

#[test]
fn bad_files_are_read_and_what_was_done_is_said() {
    let notes = |bytes: &[u8]| read(bytes).map(|(frame, notes)| (answer(&frame, "df"), notes)).unwrap();
    let (shown, said) = notes(b"a,b\n1,2,3\n4\n5,6\n");
    assert_eq!(shown, "   a    b\n0  1  2.0\n1  4  NaN\n2  5  6.0");
    assert_eq!(said.len(), 2, "{said:?}");
    let (shown, said) = notes(b"\xef\xbb\xbfname\nJos\xc3\xa9\n");
    assert_eq!((shown.as_str(), said.len()), ("   name\n0  José", 0));
    let (shown, said) = notes(b"name\nJos\xe9\n\x80 5\n");
    assert_eq!((shown.as_str(), said.len()), ("   name\n0  José\n1   € 5", 1));
    let (shown, said) = notes(b"a;b\n1;x\n");
    assert_eq!((shown.as_str(), said.len()), ("   a  b\n0  1  x", 1));
    let (shown, _) = notes(b"a,a,\n1,True,\"x\ny\"\n");
    assert_eq!(shown, "   a   a.1 Unnamed: 2\n0  1  True       x\\ny");
    assert_eq!(notes(b"a,b\n").0, "Empty DataFrame\nColumns: [a, b]\nIndex: []");
    let error = read(b"").unwrap_err();
    assert_eq!(error.to_string(), "path: the file is empty: its first line must name the columns");
    let wide = read("a,".repeat(3_000).as_bytes()).unwrap_err();
    assert_eq!(wide.to_string(), "path: the file has 3001 columns; the limit is 2000");
    // Columns of one name are counted before they are named.
    let wider = read("a,".repeat(1_000_000).as_bytes()).unwrap_err();
    assert_eq!(wider.to_string(), "path: the file has 1000001 columns; the limit is 2000");
    let named = table(&("a,".repeat(1_998) + "a.5,a"));
    let last: Vec<&str> = named.columns.iter().rev().take(2).map(|column| column.name.as_str()).collect();
    assert_eq!(last, ["a.1998", "a.5.1"]);
}

/// Pieces of real queries in any order: whatever a model writes is answered in words.
#[test]
fn no_input_ends_the_process() {
    let pandas: Json = serde_json::from_str(PANDAS).unwrap();
    let queries: Vec<&str> =
        pandas["cases"].as_array().unwrap().iter().map(|case| case["query"].as_str().unwrap()).collect();
    let pieces: Vec<&str> =
        queries.iter().flat_map(|query| query.split_inclusive(['.', '(', ')', '[', ']', ','])).collect();
    let extra = [
        "é", "''", "[]", "{}", "-1", "[-9:]", "[::-1]", "[[]]", ".iloc[", ".loc[", "0", "None", "'city'", ":",
    ];
    let frames = [people(), table("a\n"), table("a,b\n1,x\n"), table("a\n\"\"\n\"\"\n")];
    let mut state = 7_u64;
    let mut next = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    for _ in 0..4_000 {
        let mut code = queries[next(queries.len())].to_owned();
        for _ in 0..=next(3) {
            let piece = if next(3) == 0 { extra[next(extra.len())] } else { pieces[next(pieces.len())] };
            let places: Vec<usize> = code.char_indices().map(|(at, _)| at).chain([code.len()]).collect();
            let (from, to) = (places[next(places.len())], places[next(places.len())]);
            let (from, to) = (from.min(to), if next(2) == 0 { from.max(to) } else { from.min(to) });
            code.replace_range(from..to, piece);
        }
        assert!(!answer(&frames[next(frames.len())], &code).contains('\0'), "{code}");
    }
    for query in &queries {
        for frame in &frames {
            assert!(!answer(frame, query).contains('\0'), "{query}");
        }
    }
}
