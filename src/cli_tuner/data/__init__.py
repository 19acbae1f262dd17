"""The data stage: from dirty public sets to splits that do not leak, with their provenance.

    sources    rows of several kinds -> Pair
    checks     what is no request or no command; exact duplicates
    examine    in parallel: bash -n, shellcheck, the guard, skeleton, tokens, MinHash
    near       near duplicates
    split      80/10/10 by skeleton and by clusters of like requests, or against fixed sets
    table      JSON lines and Parquet
    audit      the written files once more: the guard, the chat template, the counts
    leakage    the written files once more: what train shares with the held-out sets

Rows stream from file to file; in memory are digests, numbers and the held-out requests.
"""
