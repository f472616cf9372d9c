//! One effect: a question to the provider that says which task's it is and which step of it.

/// `task/number/padding`, as it stands at the beginning of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// The task's name, which no other task has.
    pub task: String,
    /// Which of its steps.
    pub number: usize,
    /// How many characters are added to each answer.
    pub padding: usize,
}

impl Step {
    /// The step that a prompt asks for, or that an answer leads to.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split_whitespace().next()?.split('/');
        let (task, number, padding) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { task: task.to_owned(), number: number.parse().ok()?, padding: padding.parse().ok()? })
    }

    /// What the provider is asked.
    pub fn prompt(&self) -> String {
        format!("{}/{}/{}", self.task, self.number, self.padding)
    }

    /// What the provider answers: the prompt of the step after, and padding that hardly compresses.
    pub fn answer(&self) -> String {
        let mut random = fastrand::Rng::with_seed(self.number as u64);
        let padding: String = std::iter::repeat_with(|| random.alphanumeric()).take(self.padding).collect();
        let next = Self { number: self.number + 1, ..self.clone() };
        format!("{} {padding}", next.prompt()).trim_end().to_owned()
    }

    /// The step that this answer is the answer to.
    pub fn answered_by(answer: &str) -> Option<Self> {
        let next = Self::read(answer)?;
        Some(Self { number: next.number.checked_sub(1)?, ..next })
    }
}
