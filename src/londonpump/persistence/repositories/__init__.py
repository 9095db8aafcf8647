"""The statements of the product, one module per noun. Functions with a `connection` run in the transaction of the caller."""
