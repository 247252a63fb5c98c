"""Money set aside before it is spent: held once, captured, released or expired.

- `hold`: the periods a decision concerns are locked, seen, and added to;
- `fast_path`: the same in one statement, where every limit surely has room;
- `claims`: usage that names a reservation is filed where its money was set aside;
- `capture`: what was spent uses reservations up;
- `release`: what is not needed is given back;
- `expire`: so is what nobody came for in time;
- `rehold`: what is held moves with the tree;
- `settlements`: what records said otherwise than what was asked; and verification.

Whoever holds locks the periods, the root last. Whoever ends a reservation locks its row
first, rows by id, and the periods then. Each end is a state it goes to once: repeating
it frees nothing a second time. `lines` is what they share, `sql` what the database is
told.
"""
