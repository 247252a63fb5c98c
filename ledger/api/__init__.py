"""What clients ask of the ledger: costs, sums, prices, exchange rates."""
