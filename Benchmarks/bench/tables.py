"""Sides that are measured in turns, and the tables of their ratios."""

import statistics
import sys

from bench.machine import tell


class Row:
    """One case: the rates of each side, the first of which is Tidemark."""

    def __init__(self, case, rates, wrong):
        self.case, self.rates, self.wrong = case, rates, wrong

    def cells(self, number, sides):
        ours = next(iter(self.rates.values()))
        cells = [self.case, number(statistics.median(ours))]
        for rates in (self.rates.get(side) for side in sides):
            if rates is None:
                cells.append("")
                continue
            if not all(rates):
                cells.append("no answer in time")
                continue
            ratio = statistics.median(ours) / statistics.median(rates)
            by_round = [a / b for a, b in zip(ours, rates)]
            cells.append(
                f"{number(statistics.median(rates))}: **{ratio:.2f}** "
                f"({min(by_round):.2f} to {max(by_round):.2f})")
        return cells + [str(self.wrong)]


def in_turns(bench, case, sides):
    """Measures each side once a round, in an order that rotates; the row of the table.

    `sides` are names with functions that give a rate and a count of wrong answers.
    """
    rates = {name: [] for name in sides}
    wrong = 0
    names = list(sides)
    for number in range(bench.options.rounds):
        tell(f"{case}: round {number + 1} of {bench.options.rounds}")
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            rate, bad = sides[name]()
            rates[name].append(rate)
            wrong += bad
    return Row(case, rates, wrong)


def rate(value):
    return f"{value:,.0f}"


def table(title, rows, unit, number=rate):
    if not rows:
        return
    # Not every side does everything.
    sides = list(max((row.rates for row in rows), key=len))[1:]
    heads = [title, f"Tidemark, {unit}",
             *(f"{name}: ratio (of single rounds)" for name in sides), "wrong answers"]
    print("\n| " + " | ".join(heads) + " |")
    print("| --- |" + " ---: |" * (len(heads) - 1))
    for row in rows:
        print("| " + " | ".join(row.cells(number, sides)) + " |")
    sys.stdout.flush()
