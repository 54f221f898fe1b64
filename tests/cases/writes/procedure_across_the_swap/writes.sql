# One that has run its statement before the swap and runs it again after it.
CALL count_up({1..390});
