"""The nano benchmark: problems about a small world of secret maps, with worked steps.

The world is a handful of maps (`a`, `b`, ...), each a fixed random permutation of the values 00, 01, ....
A model can know that a takes 07 to 31 only by having read `07a31`, and that 31 undone by a is 07 only by
having read `31A07`; maps differ in how often they are met (frequency 1/(rank + offset)), so facts are
learned one after another. Four subjects ask for different uses of the same facts:

    chain    `17km=?`       apply k, then m, to 17.
    inverse  `?km=17`       which value becomes 17 by k, then m?
    bridge   `?k=17mq`      which value does k take to where m, then q, take 17?
    route    `17~40:bkms3`  from 17 to 40 in three steps with the maps listed: which ones, in order?

A line of a solution applies a map (`17k05`) or undoes one by guess and check: `26J19j24.<` undoes j at 26
with the guess 19, finds that j takes 19 to 24, and marks whether that is above (`>`, else `.`) and then
whether it is below (`<`, else `.`) the value wanted, so that `..` is a hit. Two thresholds are learned
by models that do not learn, from as many tokens, to tell two values apart (LOG.md). The last line of a
route is marked in the same way against the goal. A solution ends with `=` and the answer.

`world` has the maps and the language, `questions` draws problems, `corpus` writes solutions, right ones and for
pretraining erring ones, `steps` judges every line of one, and `tables` makes the files of a study.
"""
