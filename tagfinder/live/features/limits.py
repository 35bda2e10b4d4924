"""Values of features without a measurement."""

from __future__ import annotations

# Days since something that was never or long ago.
LONG_AGO = 3_650.0
# Position of a hashtag among an author's latest posts if none of them has it.
NOT_RECENTLY = 99
# Rank of the first neighbour with a hashtag if no neighbour has it.
NO_NEIGHBOUR = 999
# Log-probability and rank of a hashtag that the classifier does not know.
LEAST_LOG, NO_RANK = -30.0, 9999
