//! Where the texts of programming and markup languages are cut best, from LangChain's separators for them
//! (langchain-text-splitters 0.0.1).

use millrace_engine::{ErrorKind, RunError};
use regex::Regex;

use super::split::Separator;

/// Languages that are cut before lines which begin with one of these words, then at paragraphs, lines, blanks.
const WORDS: &[(&str, &str)] = &[
    ("cpp", "class,void,int,float,double,if,for,while,switch,case"),
    ("go", "func,var,const,type,if,for,switch,case"),
    ("java", "class,public,protected,private,static,if,for,while,switch,case"),
    ("kotlin", "class,public,protected,private,internal,companion,fun,val,var,if,for,while,when,case,else"),
    ("js", "function,const,let,var,class,if,for,while,switch,case,default"),
    ("ts", "enum,interface,namespace,type,class,function,const,let,var,if,for,while,switch,case,default"),
    ("php", "function,class,if,foreach,while,do,switch,case"),
    ("proto", "message,service,enum,option,import,syntax"),
    ("python", "class,def,\tdef"),
    ("ruby", "def,class,if,unless,while,for,do,begin,rescue"),
    ("rust", "fn,const,let,if,while,for,loop,match,const"),
    ("scala", "class,object,def,val,var,if,for,while,match,case"),
    ("swift", "func,class,struct,enum,if,for,while,do,switch,case"),
    (
        "sol",
        concat!(
            "pragma,using,contract,interface,library,constructor,type,function,event,modifier,error,struct,",
            "enum,if,for,while,do while,assembly"
        ),
    ),
    (
        "csharp",
        concat!(
            "interface,enum,implements,delegate,event,class,abstract,public,protected,private,static,return,",
            "if,continue,for,foreach,while,switch,break,case,else,try,throw,finally,catch"
        ),
    ),
];

/// Languages with separators of their own, coarsest first: regular expressions, with bars between them. The
/// last, which is empty, cuts anywhere.
const PATTERNS: &[(&str, &str)] = &[
    ("rst", "\n=+\n|\n-+\n|\n\\*+\n|\n\n.. *\n\n|\n\n|\n| |"),
    ("markdown", "\n#{1,6} |```\n|\n\\*\\*\\*+\n|\n---+\n|\n___+\n|\n\n|\n| |"),
    (
        "latex",
        concat!(
            "\n\\\\chapter\\{|\n\\\\section\\{|\n\\\\subsection\\{|\n\\\\subsubsection\\{|",
            "\n\\\\begin\\{enumerate\\}|\n\\\\begin\\{itemize\\}|\n\\\\begin\\{description\\}|",
            "\n\\\\begin\\{list\\}|\n\\\\begin\\{quote\\}|\n\\\\begin\\{quotation\\}|\n\\\\begin\\{verse\\}|",
            "\n\\\\begin\\{verbatim\\}|$$|$| |"
        ),
    ),
    (
        "html",
        concat!(
            "<body|<div|<p|<br|<li|<h1|<h2|<h3|<h4|<h5|<h6|<span|<table|<tr|<td|<th|<ul|<ol|<header|<footer|",
            "<nav|<head|<style|<script|<meta|<title|"
        ),
    ),
    (
        "cobol",
        concat!(
            "\nIDENTIFICATION DIVISION.|\nENVIRONMENT DIVISION.|\nDATA DIVISION.|\nPROCEDURE DIVISION.|",
            "\nWORKING-STORAGE SECTION.|\nLINKAGE SECTION.|\nFILE SECTION.|\nINPUT-OUTPUT SECTION.|\nOPEN |",
            "\nCLOSE |\nREAD |\nWRITE |\nIF |\nELSE |\nMOVE |\nPERFORM |\nUNTIL |\nVARYING |\nACCEPT |",
            "\nDISPLAY |\nSTOP RUN.|\n| |"
        ),
    ),
];

/// The separators of a language, coarsest first. Its name may be written in any case: Langflow's own default
/// is `Python`.
///
/// # Errors
/// A language that there are no separators for.
pub(super) fn separators(language: &str) -> Result<Vec<Separator>, RunError> {
    if let Some(words) = row(WORDS, language) {
        let lines = words.split(',').map(|word| format!("\n{word} "));
        let finer = ["\n\n", "\n", " ", ""].map(str::to_owned);
        return Ok(lines.chain(finer).map(Separator::text).collect());
    }
    match row(PATTERNS, language) {
        Some(patterns) => patterns.split('|').map(separator).collect(),
        None => Err(RunError::new(
            ErrorKind::Flow,
            format!(
                "field 'separator_type': there are no separators for {language}; it may be one of {}",
                names().collect::<Vec<_>>().join(", ")
            ),
        )),
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    WORDS.iter().chain(PATTERNS).map(|(name, _)| *name)
}

fn row(rows: &'static [(&str, &str)], language: &str) -> Option<&'static str> {
    rows.iter().find(|(name, _)| name.eq_ignore_ascii_case(language.trim())).map(|(_, row)| *row)
}

fn separator(pattern: &str) -> Result<Separator, RunError> {
    // As regular expressions of Python these match at the end of every text: LaTeX is cut no finer than that.
    if pattern == "$" || pattern == "$$" {
        return Ok(Separator::End);
    }
    if regex::escape(pattern) == pattern {
        return Ok(Separator::text(pattern));
    }
    let broken = |_: regex::Error| {
        RunError::new(ErrorKind::Internal, "A language's separator is broken")
            .because("its regular expression")
    };
    Regex::new(pattern).map(Separator::Pattern).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_can_be_used() {
        for name in names() {
            assert!(separators(name).unwrap().len() > 4, "{name}");
        }
        assert!(separators("Python").is_ok());
        assert!(separators("klingon").unwrap_err().message.contains("cobol"));
    }
}
