"""Runs the checks and the tests in parts beside one another: python -m tests.running"""
