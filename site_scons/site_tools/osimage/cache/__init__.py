"""Action digests, the memo of file digests, and the store of results behind them."""
