# SPDX-License-Identifier: Apache-2.0
"""The figures of Kirisame et al. (2021) computed again, one a file, each with what became of the paper's claims."""
