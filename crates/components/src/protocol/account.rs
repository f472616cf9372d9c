//! Where a provider answers and with whose key: what a node says, and what it leaves open.

use millrace_engine::{Context, ErrorKind, Owner, RunError, Variable};

/// A provider's address and the variables that stand in for what a node leaves open.
#[derive(Debug)]
pub(crate) struct House {
    /// Where it answers; empty where only its owner knows.
    pub base: &'static str,
    /// Which variables may name another address, the first that is set wins.
    pub base_variables: &'static [&'static str],
    /// Which variables may hold the key, likewise. Empty for a provider without keys.
    pub key_variables: &'static [&'static str],
}

/// A provider's address, without a slash at its end, and the key for it.
#[derive(Clone)]
pub(crate) struct Account {
    pub base: String,
    pub key: Option<String>,
}

impl House {
    /// Resolves what a node leaves open.
    ///
    /// **A key that the node does not bring along never goes to an address that it does, and the operator's key
    /// never to an address that the tenant names**: else a flow could send it anywhere.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] where there is no address, or no key for the provider's own.
    pub async fn account(
        &self,
        cx: &Context,
        base: Option<String>,
        key: Option<String>,
    ) -> Result<Account, RunError> {
        let account = self.open_account(cx, base, key).await?;
        match self.key_variables.first() {
            Some(variable) if account.key.is_none() && account.base == self.base => {
                let message =
                    format!("no API key: fill in the node's key field, or set the variable {variable}");
                Err(RunError::new(ErrorKind::Flow, message))
            }
            _ => Ok(account),
        }
    }

    /// The same for a provider that may be asked without a key.
    ///
    /// # Errors
    /// [`ErrorKind::Flow`] where there is no address.
    pub async fn open_account(
        &self,
        cx: &Context,
        base: Option<String>,
        key: Option<String>,
    ) -> Result<Account, RunError> {
        let given = given(base);
        // Nodes are drawn with the provider's own address filled in: it is no other for that.
        let own = given.as_deref().filter(|base| *base != self.base).is_some();
        let (base, owner) = match given {
            Some(base) => (base, None),
            None => self.usual_base(cx).await?,
        };
        let mut key = key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        if key.is_none() && !own {
            key = key_for(cx, self.key_variables, owner).await?;
        }
        Ok(Account { base, key })
    }

    /// The address, and whose variable names it, if one does.
    async fn usual_base(&self, cx: &Context) -> Result<(String, Option<Owner>), RunError> {
        if let Some(Variable { value, owner }) = first(cx, self.base_variables).await? {
            return Ok((value.trim_end_matches('/').to_owned(), Some(owner)));
        }
        if self.base.is_empty() {
            let variables = self.base_variables.join(" or ");
            let message = format!("no address: fill in the node's address, or set the variable {variables}");
            return Err(RunError::new(ErrorKind::Flow, message));
        }
        Ok((self.base.to_owned(), None))
    }
}

/// An address that is not empty, without a slash at its end.
fn given(base: Option<String>) -> Option<String> {
    base.map(|base| base.trim().trim_end_matches('/').to_owned()).filter(|base| !base.is_empty())
}

/// The first of these variables that is set.
pub(crate) async fn first(cx: &Context, variables: &[&str]) -> Result<Option<Variable>, RunError> {
    first_that(cx, variables, |_| true).await
}

/// The first of these keys that may go to an address: the operator's goes to none that a tenant's variable names.
/// `address` is whose variable named it; `None` for the provider's own.
pub(crate) async fn key_for(
    cx: &Context,
    variables: &[&str],
    address: Option<Owner>,
) -> Result<Option<String>, RunError> {
    let may_go = |owner| owner == Owner::Tenant || address != Some(Owner::Tenant);
    Ok(first_that(cx, variables, may_go).await?.map(|key| key.value))
}

async fn first_that(
    cx: &Context,
    variables: &[&str],
    allowed: impl Fn(Owner) -> bool,
) -> Result<Option<Variable>, RunError> {
    for name in variables {
        let Some(Variable { value, owner }) = cx.variable(name).await? else { continue };
        let value = value.trim();
        if !value.is_empty() && allowed(owner) {
            return Ok(Some(Variable { value: value.to_owned(), owner }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::Stand;

    const HOUSE: House = House {
        base: "https://api.example/v1",
        base_variables: &["HOUSE_URL", "HOUSE_BASE"],
        key_variables: &["HOUSE_KEY"],
    };

    async fn account(
        variables: &[(&str, &str)],
        base: Option<&str>,
        key: Option<&str>,
    ) -> Result<(String, Option<String>), RunError> {
        let cx = Stand::offline().variables(variables).cx();
        let account = HOUSE.account(&cx, base.map(str::to_owned), key.map(str::to_owned)).await?;
        Ok((account.base, account.key))
    }

    #[tokio::test]
    async fn keys_go_where_they_belong() {
        let (own, usual, other) = ("https://own.example", "https://api.example/v1", "https://proxy.example");
        let operator = [("HOUSE_KEY", "operator")];
        let proxied = [("HOUSE_KEY", "operator"), ("HOUSE_BASE", other)];
        let cases: [(&[_], _, _, _, _); 7] = [
            (&operator, None, None, usual, Some("operator")),
            (&operator, Some(""), Some(" "), usual, Some("operator")),
            (&operator, Some("https://api.example/v1/"), None, usual, Some("operator")),
            (&operator, Some(own), None, own, None),
            (&operator, Some(own), Some("node"), own, Some("node")),
            (&proxied, None, None, other, Some("operator")),
            (&[("HOUSE_BASE", other)], None, None, other, None),
        ];
        for (variables, base, key, expected_base, expected_key) in cases {
            let (at, with) = account(variables, base, key).await.unwrap();
            assert_eq!((at.as_str(), with.as_deref()), (expected_base, expected_key), "{base:?} {key:?}");
        }
    }

    #[tokio::test]
    async fn the_operators_key_never_goes_where_a_tenant_says() {
        let other = "https://proxy.example";
        let (key, base) = (("HOUSE_KEY", "operator"), ("HOUSE_BASE", other));
        let own = ("HOUSE_KEY", "tenant");
        for (tenants, operators, expected) in [
            (&[base][..], &[key][..], (other, None)),
            (&[base, own], &[key], (other, Some("tenant"))),
            (&[own], &[base], (other, Some("tenant"))),
            (&[own], &[key], (HOUSE.base, Some("tenant"))),
            (&[], &[base, key], (other, Some("operator"))),
        ] {
            let cx = Stand::offline().variables_of(Owner::Tenant, tenants, operators).cx();
            let account = HOUSE.open_account(&cx, None, None).await.unwrap();
            assert_eq!((account.base.as_str(), account.key.as_deref()), expected, "{tenants:?}");
        }
    }

    #[tokio::test]
    async fn the_providers_own_address_needs_a_key() {
        let error = account(&[], None, None).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Flow);
        assert!(error.message.contains("HOUSE_KEY"), "{error}");
    }

    #[tokio::test]
    async fn an_address_that_nobody_names_is_a_fault() {
        let house = House { base: "", base_variables: &["OLLAMA_BASE_URL"], key_variables: &[] };
        let error = house.account(&Stand::offline().cx(), None, None).await.map(|account| account.base);
        assert!(error.unwrap_err().message.contains("OLLAMA_BASE_URL"));
    }
}
